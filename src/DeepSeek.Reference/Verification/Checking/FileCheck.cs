using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Judges the results that stand in a file: the operation by name, its inputs in one file, what a kernel made of them in another.</summary>
/// <remarks>
/// The operation may be written with arguments, <c>rms_norm[eps=1e-5]</c>; sizes, dtypes and what is optional follow from the tensors (<see cref="CaseSizes"/>).
/// Codes may come in dtypes of their width, since NumPy has no others: E4M3 as U8, BF16 as U16. An output that was not given is not judged; where a later one is
/// judged on it, the reference's stands in.
/// </remarks>
internal sealed class FileCheck
{
    /// <summary>Behind the name of outputs that are a list, <c>d_weight.0</c>, <c>d_weight.1</c>, ...</summary>
    private const string List = ".*";

    private readonly string inputsPath;

    private FileCheck(string inputsPath, OperationCase c, OperationCall call, IReadOnlyList<string> absent)
    {
        this.inputsPath = inputsPath;
        Case = c;
        Call = call;
        Absent = absent;
    }

    /// <summary>The case: operation, sizes, attributes, contract. Its seed and maps have no meaning here.</summary>
    public OperationCase Case { get; }

    /// <summary>The call on the file's tensors, the candidate's results in its outputs.</summary>
    public OperationCall Call { get; }

    /// <summary>Outputs of the operation that no file holds.</summary>
    public IReadOnlyList<string> Absent { get; }

    /// <summary>Reads the two files as a call of an operation.</summary>
    /// <param name="operation">An operation's name, or a case id with some of its arguments.</param>
    /// <param name="contract">A preset's name, or null for the id's.</param>
    /// <param name="inputs">The inputs, by the case's names.</param>
    /// <param name="actual">The results, by the case's names; a single tensor needs no name where the operation has one output.</param>
    /// <param name="takesNarrowGradients">Whether a gradient may be BF16 where the operation writes F32: it is widened.</param>
    /// <exception cref="CaseException">The operation or an argument is unknown.</exception>
    /// <exception cref="DataException">A tensor is missing, or of another shape or dtype than the operation takes.</exception>
    public static FileCheck Of(string operation, string? contract, TensorFile inputs, TensorFile actual, bool takesNarrowGradients = false)
    {
        CaseId written = CaseAlias.ResolveUnsized(CaseId.Parse(operation));
        string name = written.Name;
        if (!OperationCase.Names.Contains(name))
            throw new CaseException($"'{operation}': no operation is named '{name}'; there are {string.Join(", ", OperationCase.Names)}, and the aliases {string.Join(", ", CaseAlias.Names)}");
        IReadOnlyList<string> outputs = OutputNames(name);
        Tensor? Find(string tensor) => inputs.Tensors.GetValueOrDefault(tensor) ?? Actual(actual, tensor, outputs);

        foreach (string made in (string[])["seed", "map"])
        {
            if (written.Arguments.Any(a => a.Key == made))
                throw new CaseException($"'{operation}': '{made}' says how inputs are made, and these stand in {inputs.Path}; leave it out");
        }

        var arguments = new List<KeyValuePair<string, string>>(written.Arguments);
        void Add(string key, string value)
        {
            if (!arguments.Exists(a => a.Key == key))
                arguments.Add(new(key, value));
        }

        if (contract is not null)
        {
            string key = IsScheduleOf(name, contract) ? "schedule" : "contract";
            if (arguments.Find(a => a.Key == key).Value is { } other && !string.Equals(other, contract, StringComparison.OrdinalIgnoreCase))
                throw new CaseException($"'{operation}' names the {key} {other}, and --contract {contract}; leave one of them out");
            arguments = [.. arguments.Where(a => a.Key != key), new(key, contract.ToLowerInvariant())];
        }

        foreach ((string key, string value) in CaseSizes.Of(name, Find))
            Add(key, value);
        OperationCase c = WithDTypes(name, arguments, Find);
        var tensors = new CaseTensors();
        foreach (CaseInput input in c.Inputs)
            tensors[input.Name] = Fit(inputs, input.Name, input.DType, Dispatched(c, tensors, input.Name, input.Shape));
        foreach (string extra in new[] { "offsets", "groups", "counts" })
        {
            if (!c.Inputs.Any(i => i.Name == extra) && inputs.Tensors.TryGetValue(extra, out Tensor? t))
                tensors[extra] = Numbers(inputs.Path, extra, t);
        }

        var absent = new List<string>();
        foreach (CaseOutput output in c.Outputs)
        {
            Tensor? given = Actual(actual, output.Name, outputs);
            if (given is null)
                absent.Add(output.Name);
            Shape shape = Dispatched(c, tensors, output.Name, output.Shape);
            if (takesNarrowGradients && c.Operation >= Operation.LinearDgrad && given?.DType == DType.BF16 && output.DType == DType.F32)
                given = Widened(given);
            Tensor result = given is null ? new Tensor(output.DType, shape) : As(given, output.DType, shape, actual.Path, output.Name);
            // What stands mapped is read-only, and operations refuse it as an output; a caller's own memory is written.
            tensors[output.Name] = result.IsReadOnly ? result.Clone() : result;
        }

        if (absent.Count == c.Outputs.Count)
            throw new DataException($"{actual.Path}: none of {name}'s outputs ({string.Join(", ", absent)}) is among its {actual.Tensors.Count} tensors; name them so");
        OperationCall call = c.Call(tensors);
        var check = new FileCheck(inputs.Path, c, call, absent);
        return check.Guard(() =>
        {
            RowsOfGroups.Require(call);
            if (absent.Count == 0)
                return check;
            OperationCall reference = call.WithOwnOutputs();
            reference.Run(new SimdBackend());
            return new FileCheck(inputs.Path, c, call.Replace(o => absent.Contains(o.Name) ? reference[o.Name] : o.Tensor), absent);
        });
    }

    /// <summary>Runs what evaluates the call. Shapes and dtypes fit by now, so what the operation refuses are values of the inputs: an error of their file.</summary>
    /// <exception cref="DataException">The operation does not take the inputs.</exception>
    public T Guard<T>(Func<T> evaluate)
    {
        try
        {
            return evaluate();
        }
        catch (ShapeException e)
        {
            throw Refused(e.Message);
        }
    }

    /// <summary>Whether a contract's name is one of attention's own (rule N23); Canonical and DeepSeekInference name a whole model's, as everywhere.</summary>
    private static bool IsScheduleOf(string operation, string contract) => operation == "attention"
        && AttentionContract.Presets.Any(p => string.Equals(p.Name, contract, StringComparison.OrdinalIgnoreCase))
        && !NumericContract.Presets.Any(p => string.Equals(p.Name, contract, StringComparison.OrdinalIgnoreCase));

    /// <summary>The verdict; outputs that were not given are left out.</summary>
    public CallReport Judge(JudgeOptions options)
    {
        CallReport report = CallJudge.Judge(Call, null, options);
        if (report.Check == "shape")
            throw Refused(report.Outputs[0].Note ?? report.Check);
        OutputReport[] outputs = [.. report.Outputs.Where(o => !Absent.Contains(o.Name))];
        OutputReport worst = CallJudge.Weakest(Call, outputs);
        return report with { Outputs = outputs, Verdict = worst.Verdict, Check = worst.Check };
    }

    private DataException Refused(string why) => new($"{inputsPath}: {Case.Id.Name} does not take these inputs: {why}");

    /// <summary>The case whose real tensors have the dtypes of those that were given, where the operation lets them.</summary>
    private static OperationCase WithDTypes(string name, List<KeyValuePair<string, string>> arguments, Func<string, Tensor?> find)
    {
        OperationCase c = OperationCase.From(new CaseId(name, arguments));
        foreach ((string tensor, DType declared) in c.Inputs.Select(i => (i.Name, i.DType)).Concat(c.Outputs.Select(o => (o.Name, o.DType))).ToArray())
        {
            if (find(tensor) is not { } given || given.DType == declared || Float(given.DType) is not { } dtype || arguments.Exists(a => a.Key == tensor))
                continue;
            KeyValuePair<string, string>[] wider = [.. arguments, new(tensor, dtype)];
            try
            {
                c = OperationCase.From(new CaseId(name, wider));
                arguments.Add(wider[^1]);
            }
            catch (CaseException)
            {
                // A dtype that the operation fixes: the tensor itself is then refused, with its place.
            }
        }

        return c;
    }

    /// <summary>A tensor's shape; where it holds a row for each choice of an expert, the rows are as many as the file's own indices choose, not as the case's.</summary>
    private static Shape Dispatched(OperationCase c, CaseTensors given, string tensor, Shape shape)
    {
        if ((c.Id.Name, tensor) is not (("combine" or "combine_backward", "outputs") or ("combine_backward", "d_outputs") or ("dispatch", "y") or ("dispatch_backward", "dy")))
            return shape;
        long rows = 0;
        foreach (int expert in given["indices"].AsReadOnlySpan<int>())
            rows += expert >= 0 ? 1 : 0;
        return new Shape(rows, shape[1]);
    }

    private static Tensor? Actual(TensorFile actual, string name, IReadOnlyList<string> outputs) =>
        !outputs.Contains(name) && !outputs.Contains(name.Split('.')[0] + List) ? null
        : actual.Tensors.TryGetValue(name, out Tensor? t) ? t
        : outputs.Count == 1 && actual.Tensors.Count == 1 && outputs[0] == name ? actual.Tensors.Values.First()
        : null;

    private static Tensor Fit(TensorFile file, string name, DType dtype, Shape shape) => As(file.Get(name), dtype, shape, file.Path, name);

    /// <summary>The tensor as the case takes it: its shape to the dimension, its dtype, or the codes of its dtype in whole numbers of the same width.</summary>
    private static Tensor As(Tensor given, DType dtype, Shape shape, string path, string name)
    {
        if (given.Shape != shape)
            throw new DataException($"{path}: tensor '{name}' is {given} where {dtype.Name()} {shape} is expected; reshape it, or give the operation's attributes");
        if (given.DType == dtype)
            return given;
        if (dtype == DType.I32 && given.DType == DType.I64)
            return Numbers(path, name, given);
        bool codes = given.DType.Bits() == dtype.Bits() && given.DType is DType.U8 or DType.U16 && dtype is DType.F8_E4M3 or DType.F8_E5M2 or DType.F8_E8M0 or DType.BF16 or DType.F16;
        return codes
            ? given.WithDType(dtype)
            : throw new DataException($"{path}: tensor '{name}' is {given} where {dtype.Name()} is expected; convert it, or name the contract it was made under");
    }

    private static Tensor Widened(Tensor narrow)
    {
        var wide = new Tensor(DType.F32, narrow.Shape);
        new SimdBackend().Cast(narrow, wide);
        return wide;
    }

    /// <summary>Whole numbers as I32.</summary>
    private static Tensor Numbers(string path, string name, Tensor given)
    {
        if (given.DType == DType.I32)
            return given;
        if (!ElementReader.IsInteger(given.DType))
            throw new DataException($"{path}: tensor '{name}' is {given} and must hold whole numbers (I32)");
        int[] values = new int[given.ElementCount];
        for (int i = 0; i < values.Length; i++)
        {
            Int128 value = ElementReader.Integer(given, i);
            if (value < int.MinValue || value > int.MaxValue)
                throw new DataException($"{path}: element {i} of '{name}' is {value}, beyond what I32 holds");
            values[i] = (int)value;
        }

        return Tensor.From(values, given.Shape.Dimensions);
    }

    private static string? Float(DType dtype) => dtype switch
    {
        DType.F32 => "f32",
        DType.BF16 or DType.U16 => "bf16",
        _ => null,
    };

    /// <summary>The outputs of an operation, by name.</summary>
    private static string[] OutputNames(string operation) => operation switch
    {
        "attention" => ["y", "log_sum_exp"],
        "expand_keys" => ["keys", "values"],
        "gate" => ["scores", "indices", "weights"],
        "grouped_linear_wgrad" => ["d_weight" + List],
        "linear_dgrad" or "grouped_linear_dgrad" or "rope_backward" or "dispatch_backward" => ["dx"],
        "linear_wgrad" or "embedding_backward" => ["d_weight"],
        "rms_norm_backward" => ["dx", "d_weight"],
        "expand_keys_backward" => ["d_kv", "d_k_pe"],
        "swiglu_backward" => ["d_gate", "d_up"],
        "mtp_input_backward" => ["d_embedding", "d_hidden"],
        "combine_backward" => ["d_outputs", "d_weights"],
        "cross_entropy" => ["losses", "statistics"],
        "attention_backward" => ["dq", "d_keys", "d_values"],
        "balance_loss" => ["loss", "d_scores"],
        "cross_entropy_backward" or "gate_backward" => ["d_logits"],
        "quantize" => ["codes", "scales"],
        _ => ["y"],
    };
}
