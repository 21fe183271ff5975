using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using DeepSeek.Reference.Verification.Explaining;

namespace DeepSeek.Reference.Native;

/// <summary>The functions of libdsref.h.</summary>
internal static unsafe class Exports
{
    /// <summary>LIBDSREF_VERSION.</summary>
    private const uint CurrentVersion = 1;

    [UnmanagedCallersOnly(EntryPoint = "dsref_version", CallConvs = [typeof(CallConvCdecl)])]
    public static uint Version() => CurrentVersion;

    [UnmanagedCallersOnly(EntryPoint = "dsref_last_error", CallConvs = [typeof(CallConvCdecl)])]
    public static byte* LastError() => Failure.Last;

    [UnmanagedCallersOnly(EntryPoint = "dsref_run", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Run(byte* operation, byte* contract, NativeArgument* arguments, int count, int threads) => Failure.Guard(() =>
    {
        var backend = new SimdBackend(threads);
        Border border = Border.Of(arguments, count);
        OperationCall call = Read(operation, contract, border).Call;
        foreach ((string name, Tensor given) in border.Outputs)
        {
            if (!call.Outputs.Any(o => o.Name == name || border.Outputs.Count == 1))
                throw new DataException($"{call.Operation} has no output '{name}'; it has {string.Join(", ", call.Outputs.Select(o => o.Name))}");
            if (call.Outputs.FirstOrDefault(o => o.Name == name).Tensor is { } output && output.DType.Bits() != given.DType.Bits())
                throw new DataException($"output '{name}' is {given} where {output} is written");
        }

        call.Run(backend);
        border.WriteBack();
    });

    [UnmanagedCallersOnly(EntryPoint = "dsref_check", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Check(byte* operation, byte* contract, NativeArgument* arguments, int count, NativeJudgeOptions* options, NativeReport* report) => Failure.Guard(() =>
    {
        if (report == null || report->Size < (nuint)sizeof(NativeReport))
            throw new DataException("dsref_check needs a report with its struct_size");
        JudgeOptions chosen = OptionsOf(options);
        FileCheck check = Read(operation, contract, Border.Of(arguments, count));
        ReportText.Write(check, check.Judge(chosen), report);
    });

    [UnmanagedCallersOnly(EntryPoint = "dsref_check_files", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus CheckFiles(byte* operation, byte* contract, byte* inputs, byte* actual, NativeJudgeOptions* options, NativeReport* report) => Failure.Guard(() =>
    {
        if (report == null || report->Size < (nuint)sizeof(NativeReport))
            throw new DataException("dsref_check_files needs a report with its struct_size");
        JudgeOptions chosen = OptionsOf(options);
        using TensorFile given = TensorFile.Read(Name(inputs) ?? throw new DataException("no file of inputs is named"));
        using TensorFile results = TensorFile.Read(Name(actual) ?? throw new DataException("no file of results is named"));
        FileCheck check = FileCheck.Of(Operation(operation), Name(contract), given, results);
        ReportText.Write(check, check.Judge(chosen), report);
    });

    [UnmanagedCallersOnly(EntryPoint = "dsref_explain", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Explain(byte* operation, byte* contract, NativeArgument* arguments, int count, double seconds, byte** text) => Failure.Guard(() =>
    {
        if (text == null || !(seconds > 0 && double.IsFinite(seconds)))
            throw new DataException($"dsref_explain needs room for its text, and a positive number of seconds, not {seconds}");
        FileCheck check = Read(operation, contract, Border.Of(arguments, count));
        var candidate = check.Call.Outputs.Where(o => !check.Absent.Contains(o.Name)).ToDictionary(o => o.Name, o => o.Tensor);
        *text = ReportText.Own(check.Guard(() => Explainer.Explain(check.Call, candidate, seconds)).Sentence);
    });

    [UnmanagedCallersOnly(EntryPoint = "dsref_text_free", CallConvs = [typeof(CallConvCdecl)])]
    public static void FreeText(byte* text) => NativeMemory.Free(text);

    [UnmanagedCallersOnly(EntryPoint = "dsref_report_free", CallConvs = [typeof(CallConvCdecl)])]
    public static void FreeReport(NativeReport* report)
    {
        if (report != null)
            ReportText.Free(report);
    }

    [UnmanagedCallersOnly(EntryPoint = "dsref_bound", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Bound(
        byte* operation, byte* contract, NativeArgument* arguments, int count, byte* output, long* elements, long elementCount, double* exact, double* bound) => Failure.Guard(() =>
    {
        if (elementCount < 0 || elementCount > 0 && (elements == null || exact == null || bound == null))
            throw new DataException("dsref_bound needs elements, and room for exact and bound");
        OperationCall call = Read(operation, contract, Border.Of(arguments, count)).Call;
        string name = Name(output) ?? call.Outputs.First().Name;
        Yardstick yardstick = YardstickOf.Value(call, name) ?? throw new ContractException($"no bound is derived for '{name}' of {call.Operation}");
        long last = call[name].ElementCount;
        long[] places = new ReadOnlySpan<long>(elements, checked((int)elementCount)).ToArray();
        foreach (long place in places)
        {
            if (place < 0 || place >= last)
                throw new DataException($"element {place} of '{name}', which has {last}");
        }

        var measured = new Measurement[places.Length];
        yardstick.Measure(places, measured);
        for (int i = 0; i < measured.Length; i++)
            (exact[i], bound[i]) = (measured[i].Exact, measured[i].Bound);
    });

    [UnmanagedCallersOnly(EntryPoint = "dsref_compare", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Compare(NativeTensor* expected, NativeTensor* actual, NativeComparison* comparison) => Failure.Guard(() =>
    {
        if (expected == null || actual == null || comparison == null || comparison->Size < (nuint)sizeof(NativeComparison))
            throw new DataException("dsref_compare needs two tensors, and a comparison with its struct_size");
        TensorComparison made = TensorComparison.Compare(Border.Read("expected", expected), Border.Read("actual", actual));
        comparison->Count = made.Count;
        comparison->Mismatches = made.MismatchCount;
        comparison->FirstMismatch = -1;
        if (made.FirstMismatch is { } place)
        {
            long index = 0;
            for (int d = 0; d < place.Count; d++)
                index = index * expected->Shape[d] + place[d];
            comparison->FirstMismatch = index;
        }

        comparison->NaNMismatches = made.NaNMismatchCount;
        comparison->InfinityMismatches = made.InfinityMismatchCount;
        comparison->MaxAbs = made.MaxAbs;
        comparison->MaxRel = made.MaxRel;
        comparison->RelativeL2 = made.RelativeL2;
        comparison->MaxUlp = made.MaxUlp;
        comparison->CalcDiff = made.CalcDiff;
    });

    [UnmanagedCallersOnly(EntryPoint = "dsref_save", CallConvs = [typeof(CallConvCdecl)])]
    public static NativeStatus Save(byte* path, NativeArgument* arguments, int count) => Failure.Guard(() =>
        SafetensorsWriter.Write(Name(path) ?? throw new DataException("dsref_save needs a path"), Border.Of(arguments, count).All(), nan: NaNBits.AsStored));

    private static FileCheck Read(byte* operation, byte* contract, Border border) => FileCheck.Of(
        Operation(operation), Name(contract), TensorFile.Of("inputs", border.Inputs), TensorFile.Of("results", border.Outputs));

    private static string Operation(byte* operation) => Name(operation) ?? throw new DataException("no operation is named");

    private static JudgeOptions OptionsOf(NativeJudgeOptions* options)
    {
        var defaults = new JudgeOptions();
        if (options == null)
            return defaults;
        if (options->Size < (nuint)sizeof(NativeJudgeOptions))
            throw new DataException($"judge options: struct_size is {options->Size}, less than sizeof(dsref_judge_options), {sizeof(NativeJudgeOptions)}");
        double budget = options->Budget == 0 ? defaults.Budget : options->Budget;
        if (!(budget > 0 && double.IsFinite(budget)))
            throw new DataException($"budget_s is {budget}; take a positive number of seconds");
        return defaults with { Budget = budget, Full = options->Full != 0, Seed = options->Seed == 0 ? defaults.Seed : options->Seed };
    }

    private static string? Name(byte* text) => Marshal.PtrToStringUTF8((nint)text);
}
