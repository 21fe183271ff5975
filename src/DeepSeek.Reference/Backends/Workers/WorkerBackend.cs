namespace DeepSeek.Reference.Backends;

/// <summary>A backend that is any program: it runs in its own process and is spoken to over a socket (docs/spec/worker.md).</summary>
/// <remarks>
/// Tensors go through files of a temporary folder; device memory stays in the worker. A worker that crashes, hangs or loses its context fails the call with a
/// <see cref="BackendException"/> and is started again for the next one. Not for several threads at once.
/// </remarks>
internal sealed class WorkerBackend : CallBackend, IDisposable
{
    private const int Shift = 64;
    private readonly string command;
    private readonly string[] words;
    private readonly WorkerOptions options;
    private readonly IReadOnlyList<string> modes;
    private WorkerClient? client;
    private WorkerGrowth growth = new();
    private int restarts;

    /// <summary>Starts the worker.</summary>
    /// <param name="command">The command as it would be typed; the socket's path is added as its last word.</param>
    /// <param name="options">Times, and what the command is wrapped in.</param>
    /// <param name="modes">How each call is run, one after the other: eager first.</param>
    /// <exception cref="ContractException">It cannot be started, or cannot do a mode.</exception>
    /// <exception cref="BackendException">It ended, hung, or answered nonsense.</exception>
    public WorkerBackend(string command, WorkerOptions options, IReadOnlyList<string> modes)
    {
        this.command = command;
        words = [.. options.Wrap is null ? [] : CommandWords.Split(options.Wrap), .. CommandWords.Split(command)];
        this.options = options;
        this.modes = modes;
        string[] lacks = [.. modes.Except(Client().Modes)];
        if (lacks.Length > 0)
        {
            string can = string.Join(", ", client!.Modes);
            Dispose();
            throw new ContractException($"backend `{command}` cannot run in mode {string.Join(", ", lacks)}; it says it can do {can}");
        }
    }

    /// <inheritdoc/>
    public override string Name => Client().Name;

    /// <summary>The device that the worker names.</summary>
    public string Device => Client().Device;

    /// <summary>How often the worker had to be started again.</summary>
    public int Restarts => restarts;

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call)
    {
        WorkerClient worker = Client();
        worker.BeginCase(call.Operation.ToString());
        var chosen = new CallLayouts(call, options.Layouts, new Dictionary<string, string>());
        var layouts = new CallLayouts(call, options.Layouts, worker.Supports(call, chosen));
        int plan = worker.Prepare(call, layouts, Scaled(options.Prepare));
        Dictionary<string, byte[]> eager = [];
        try
        {
            foreach (string mode in modes)
            {
                worker.Begin($"{call.Operation}, mode {mode}");
                Dictionary<string, byte[]> results = RunOnce(worker, call, layouts, plan, mode);
                if (eager.Count == 0)
                    eager = results;
                RequireSame(call, mode, eager, results);
            }
        }
        catch
        {
            worker.FreeAfterFailure([], [plan]);
            throw;
        }

        worker.Free([], [plan]);
        if (growth.After(call, worker.Resident) is { } leak)
            throw new BackendException(leak);
        foreach (Operand output in call.Outputs)
            eager[output.Name].CopyTo(Bytes(output.Tensor));
    }

    private void RequireSame(OperationCall call, string mode, Dictionary<string, byte[]> first, Dictionary<string, byte[]> results)
    {
        foreach ((string name, byte[] bytes) in results)
        {
            int differs = bytes.AsSpan().CommonPrefixLength(first[name]);
            if (differs < bytes.Length)
                throw new BackendException($"{call.Operation}: in mode {mode} byte {differs} of '{name}' is 0x{bytes[differs]:X2}, in mode {modes[0]} 0x{first[name][differs]:X2}");
        }
    }

    /// <summary>Ends the worker; null, or how it ended where it should have ended well (a sanitizer's exit code, for one).</summary>
    public string? Finish()
    {
        string? end = client?.Bye();
        Dispose();
        return end;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        client?.Dispose();
        client = null;
    }

    /// <summary>Runs a plan on fresh tensors, which go back whatever happens; the outputs' bytes.</summary>
    private Dictionary<string, byte[]> RunOnce(WorkerClient worker, OperationCall call, CallLayouts layouts, int plan, string mode)
    {
        var taken = new List<int>();
        Dictionary<string, byte[]> results;
        try
        {
            results = RunOn(taken, worker, call, layouts, plan, mode);
        }
        catch
        {
            worker.FreeAfterFailure(taken, []);
            throw;
        }

        worker.Free(taken, []);
        return results;
    }

    /// <summary>In mode perturb nothing lies where it lay, and scratch memory holds a pattern.</summary>
    private Dictionary<string, byte[]> RunOn(List<int> taken, WorkerClient worker, OperationCall call, CallLayouts layouts, int plan, string mode)
    {
        int shift = mode == "perturb" ? Shift : 0;
        var operands = new List<WorkerOperand>();
        foreach (Operand operand in call.Operands)
        {
            bool large = operand.Role == OperandRole.Input && operand.Tensor.ByteCount >= options.GenerateFrom && layouts.Of(operand).IsContiguous;
            operands.Add((large ? WorkerOperand.Generated(worker, call, operand, shift) : null) ?? WorkerOperand.Sent(worker, operand, layouts, shift));
            taken.Add(operands[^1].Handle);
        }

        long scratch = worker.WorkspaceSize(plan);
        int? workspace = scratch > 0 ? worker.Workspace(scratch) : null;
        if (workspace is { } memory)
            taken.Add(memory);
        IEnumerable<(string, int)> handles = operands.Select(o => (o.Operand.Name, o.Handle));
        worker.Run(plan, handles, workspace, mode);
        if (mode == "graph")
        {
            // What was captured is replayed on contents that were not there when it was captured.
            foreach (WorkerOperand operand in operands)
                operand.WriteAgain(worker);
            worker.Run(plan, handles, workspace, mode);
        }

        var results = new Dictionary<string, byte[]>();
        foreach (WorkerOperand operand in operands)
        {
            if (operand.Operand.Role == OperandRole.Output)
                results.Add(operand.Operand.Name, operand.Read(worker, layouts));
            else if (operand.IsChanged(worker, layouts))
                throw new BackendException($"{call.Operation}: the worker changed its input '{operand.Operand.Name}'");
        }

        return results;
    }

    private static Span<byte> Bytes(Tensor tensor) => System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref tensor.ByteOrigin, checked((int)tensor.ByteCount));

    private WorkerClient Client()
    {
        if (client is { IsLost: true })
        {
            client.Dispose();
            client = null;
            growth = new();
            restarts++;
        }

        return client ??= WorkerClient.Start(words, Scaled(options.Load), Scaled(options.Run));
    }

    /// <summary>Sanitizers slow a program down by an order of magnitude and more.</summary>
    private TimeSpan Scaled(TimeSpan time) => options.Wrap is null ? time : 20 * time;

    /// <inheritdoc/>
    public override string ToString() => command;
}
