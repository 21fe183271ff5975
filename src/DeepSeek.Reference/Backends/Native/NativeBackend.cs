using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Backends;

/// <summary>A plug-in of deepseek_backend.h in this process: function pointers, no copy beyond the plug-in's own memory. For debugging and speed; what crashes there crashes here.</summary>
/// <remarks>The calls and checks of <see cref="WorkerBackend"/> without a process between. Rule N2 is looked for after every run. Not for several threads at once.</remarks>
internal sealed unsafe class NativeBackend : CallBackend, IDisposable
{
    private const int Shift = 64;
    private const byte Pattern = 0xA5;
    private readonly string path;
    private readonly IReadOnlyList<string> modes;
    private readonly NativeArguments arguments = new();
    private readonly NativeTable table;
    private bool closed;

    /// <summary>Loads a plug-in.</summary>
    /// <param name="path">The shared library.</param>
    /// <param name="modes">How each call is run, one after the other: eager first.</param>
    /// <exception cref="ContractException">It is none, is for another processor or version, or cannot do a mode.</exception>
    public NativeBackend(string path, IReadOnlyList<string> modes) : this(path, NativeLibraryFile.Entry(path), modes) { }

    /// <summary>A plug-in by its entry.</summary>
    internal NativeBackend(string path, delegate* unmanaged[Cdecl]<uint, NativeTable*, NativeStatus> entry, IReadOnlyList<string> modes)
    {
        this.path = path;
        this.modes = modes;
        var made = new NativeTable { Size = (nuint)sizeof(NativeTable) };
        NativeStatus status = entry(NativeInterface.Version, &made);
        RequireMode("dsref_backend_get");
        if (status != NativeStatus.Ok && made.Version == NativeInterface.Version)
            throw new ContractException($"{path} cannot be used: {Why(made)}");
        if (status != NativeStatus.Ok || made.Version != NativeInterface.Version)
            throw new ContractException($"{path} speaks version {made.Version} of the interface, this host version {NativeInterface.Version}; build it with this header");
        if (made.Size < (nuint)sizeof(NativeTable) - (nuint)sizeof(nint) || made.Supports == null || made.Prepare == null || made.WorkspaceSize == null || made.Allocate == null
            || made.Upload == null || made.Download == null || made.Release == null || made.Run == null || made.ReleasePlan == null)
            throw new ContractException($"{path} leaves functions of the table out");
        table = made;
        Name = Marshal.PtrToStringUTF8((nint)made.Name) ?? "plug-in";
        Device = Marshal.PtrToStringUTF8((nint)made.Device) ?? "";
        string[] offers = (Marshal.PtrToStringUTF8((nint)made.Modes) ?? "eager").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        string[] lacks = [.. modes.Except(offers)];
        if (lacks.Length > 0)
            throw new ContractException($"{path} cannot run in mode {string.Join(", ", lacks)}; it says it can do {string.Join(", ", offers)}");
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>The device that the plug-in names.</summary>
    public string Device { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (closed)
            return;
        closed = true;
        if (table.Close != null)
            table.Close(table.Context);
        arguments.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => path;

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call)
    {
        ObjectDisposedException.ThrowIf(closed, this);
        IReadOnlyList<Operand> operands = call.Operands;
        arguments.Make(call, operands);
        Accept(table.Supports(table.Context, arguments.Call), call, "supports");
        RequireContiguous(call, operands);
        void* plan = null;
        Accept(table.Prepare(table.Context, arguments.Call, &plan), call, "prepare");
        try
        {
            byte[][]? first = null;
            foreach (string mode in modes)
            {
                byte[][] results = RunOnce(call, operands, plan, mode);
                if (first is null)
                    first = results;
                else
                    RequireSame(call, operands, mode, first, results);
            }

            for (int i = 0; i < operands.Count; i++)
            {
                if (operands[i].Role == OperandRole.Output)
                    first![i].CopyTo(new Span<byte>(System.Runtime.CompilerServices.Unsafe.AsPointer(ref operands[i].Tensor.ByteOrigin), first[i].Length));
            }
        }
        finally
        {
            table.ReleasePlan(table.Context, plan);
        }
    }

    /// <summary>Runs a plan on fresh tensors; the bytes of all operands. In mode perturb nothing lies where it lay.</summary>
    private byte[][] RunOnce(OperationCall call, IReadOnlyList<Operand> operands, void* plan, string mode)
    {
        void* workspace = null;
        int taken = 0;
        NativeArgument* argument = arguments.Call->Arguments;
        try
        {
            for (; taken < operands.Count; taken++)
            {
                Tensor tensor = operands[taken].Tensor;
                void* data = null;
                Accept(table.Allocate(table.Context, (ulong)tensor.ByteCount, mode == "perturb" ? Shift : 0ul, &data), call, "allocate");
                argument[taken].Tensor.Data = (byte*)data;
                Upload(call, tensor, data);
            }

            ulong scratch = 0;
            Accept(table.WorkspaceSize(table.Context, plan, &scratch), call, "workspace_size");
            if (scratch > 0)
                workspace = Workspace(call, scratch);
            fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(mode + '\0'))
            {
                Run(call, plan, workspace, name);
                if (mode == "graph")
                {
                    // What was captured is replayed on contents that were not there when it was captured.
                    for (int i = 0; i < operands.Count; i++)
                        Upload(call, operands[i].Tensor, argument[i].Tensor.Data);
                    Run(call, plan, workspace, name);
                }
            }

            return Download(call, operands);
        }
        finally
        {
            if (workspace != null)
                table.Release(table.Context, workspace);
            for (int i = 0; i < taken; i++)
            {
                table.Release(table.Context, argument[i].Tensor.Data);
                argument[i].Tensor.Data = null;
            }
        }
    }

    private void Run(OperationCall call, void* plan, void* workspace, byte* mode)
    {
        NativeStatus status = table.Run(table.Context, plan, arguments.Call, workspace, mode);
        RequireMode($"'run' of {call.Operation}");
        Accept(status, call, "run");
    }

    /// <summary>What a plug-in wants in another layout is packed on the way to dsref-host alone.</summary>
    private void RequireContiguous(OperationCall call, IReadOnlyList<Operand> operands)
    {
        for (int i = 0; i < operands.Count; i++)
        {
            string? layout = Marshal.PtrToStringUTF8((nint)arguments.Call->Arguments[i].Layout);
            if (layout is not null && layout != NativeInterface.Contiguous)
                throw new ContractException($"{call.Operation}: {path} wants '{operands[i].Name}' as {layout}; in process operands are {NativeInterface.Contiguous}, so leave --in-process out");
        }
    }

    private void Upload(OperationCall call, Tensor tensor, void* data)
    {
        fixed (byte* from = &tensor.ByteOrigin)
            Accept(table.Upload(table.Context, data, from, (ulong)tensor.ByteCount), call, "upload");
    }

    private void* Workspace(OperationCall call, ulong bytes)
    {
        void* data = null;
        Accept(table.Allocate(table.Context, bytes, 0, &data), call, "allocate");
        byte[] pattern = new byte[checked((int)bytes)];
        pattern.AsSpan().Fill(Pattern);
        fixed (byte* from = pattern)
            Accept(table.Upload(table.Context, data, from, bytes), call, "upload");
        return data;
    }

    /// <summary>All operands read back: outputs to be kept, inputs to see that they are what they were.</summary>
    private byte[][] Download(OperationCall call, IReadOnlyList<Operand> operands)
    {
        byte[][] results = new byte[operands.Count][];
        for (int i = 0; i < results.Length; i++)
        {
            Tensor tensor = operands[i].Tensor;
            results[i] = new byte[checked((int)tensor.ByteCount)];
            fixed (byte* to = results[i])
                Accept(table.Download(table.Context, arguments.Call->Arguments[i].Tensor.Data, to, (ulong)results[i].Length), call, "download");
            if (operands[i].Role == OperandRole.Input && !results[i].AsSpan().SequenceEqual(tensor.AsBytes()))
                throw new BackendException($"{call.Operation}: the plug-in changed its input '{operands[i].Name}'");
        }

        return results;
    }

    private void RequireSame(OperationCall call, IReadOnlyList<Operand> operands, string mode, byte[][] first, byte[][] results)
    {
        for (int i = 0; i < results.Length; i++)
        {
            int differs = results[i].AsSpan().CommonPrefixLength(first[i]);
            if (differs < results[i].Length)
                throw new BackendException($"{call.Operation}: in mode {mode} byte {differs} of '{operands[i].Name}' is 0x{results[i][differs]:X2}, in mode {modes[0]} 0x{first[i][differs]:X2}");
        }
    }

    private void Accept(NativeStatus status, OperationCall call, string function)
    {
        if (status == NativeStatus.Ok)
            return;
        string why = Why(table);
        throw status switch
        {
            NativeStatus.Unsupported => new ContractException(why),
            NativeStatus.Invalid => Failed("INVALID"),
            NativeStatus.OutOfMemory => Failed("OOM"),
            NativeStatus.LaunchError => Failed("LAUNCH_ERROR"),
            NativeStatus.ContextLost => Failed("CONTEXT_LOST"),
            _ => new BackendException($"INVALID from '{function}' at {call.Operation}: the plug-in returned status {(int)status}, which is none") { Ended = true },
        };
        BackendException Failed(string word) => new($"{word} from '{function}' at {call.Operation}: {why}");
    }

    private static string Why(NativeTable table)
    {
        string why = table.LastError == null ? "" : Marshal.PtrToStringUTF8((nint)table.LastError(table.Context)) ?? "";
        return why.Length == 0 ? "no reason given" : why.ReplaceLineEndings(" ");
    }

    /// <summary>Rule N2: native code may leave another rounding or flush mode behind.</summary>
    private void RequireMode(string after)
    {
        try
        {
            FloatingPointMode.Require();
        }
        catch (ContractException e)
        {
            throw new BackendException($"after {after} of {path}, {e.Message}");
        }
    }
}
