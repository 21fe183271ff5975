using System.Text.Json;

namespace DeepSeek.Reference.Backends;

/// <summary>The calls of the worker protocol (docs/spec/worker.md 3), one method each, on one running worker.</summary>
/// <remarks>Requests and answers alternate. An answer's status becomes an exception: UNSUPPORTED a <see cref="ContractException"/>, anything else but OK a <see cref="BackendException"/>.</remarks>
internal sealed class WorkerClient : IDisposable
{
    /// <summary>The version of the protocol.</summary>
    public const int Protocol = 1;

    /// <summary>The feature of workers that read the attribute <c>contract</c> of attention.</summary>
    private const string AttentionContracts = "attention_contract";

    private readonly WorkerProcess process;
    private readonly TimeSpan limit;
    private int id;
    private string doing = "hello";
    private string[] features = [];

    private WorkerClient(WorkerProcess process, TimeSpan limit)
    {
        this.process = process;
        this.limit = limit;
    }

    /// <summary>What the worker calls itself.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The device it runs on.</summary>
    public string Device { get; private set; } = "";

    /// <summary>The modes it can run in; eager always.</summary>
    public IReadOnlyList<string> Modes { get; private set; } = [];

    /// <summary>Whether the worker said of the last call that it can make inputs itself.</summary>
    public bool Generates { get; private set; }

    /// <summary>Whether the worker is beyond use: it crashed, hung, lost its context or broke the protocol.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Bytes of memory that the worker's process has now.</summary>
    public long Resident => process.Resident();

    /// <summary>Where files of tensors lie.</summary>
    public string Folder => process.Folder;

    /// <summary>Starts a worker and greets it.</summary>
    /// <exception cref="ContractException">The program cannot be started, or speaks another version.</exception>
    /// <exception cref="BackendException">It ended, hung, or answered nonsense.</exception>
    public static WorkerClient Start(IReadOnlyList<string> command, TimeSpan load, TimeSpan run)
    {
        var client = new WorkerClient(WorkerProcess.Start(command, load), run);
        try
        {
            return client.Call("hello", load, json =>
            {
                json.WriteNumber("protocol", Protocol);
                json.WriteString("folder", client.Folder);
                json.WriteNumber("rank", 0);
                json.WriteNumber("world_size", 1);
            }, client.Greeted);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Begins a case: what the worker wrote before is not quoted for it.</summary>
    public void BeginCase(string what)
    {
        process.Mark();
        Begin(what);
    }

    /// <summary>Names what the next calls are for, so that a crash can be told by it.</summary>
    public void Begin(string what) => doing = what;

    /// <summary>Whether the worker offers a call; the layouts that it wants for operands, by name.</summary>
    /// <exception cref="ContractException">It does not; or the call has an attention contract, and the greeting does not say that the worker reads one.</exception>
    public IReadOnlyDictionary<string, string> Supports(OperationCall call, CallLayouts layouts)
    {
        // A worker from before rule N23 would take the other attributes and compute rule N10.
        if (call is AttentionCall { Attributes.Contract: { } contract } && !features.Contains(AttentionContracts))
            throw new ContractException($"attention under the contract {contract.Name}: the worker does not read contracts; one that does lists '{AttentionContracts}' under 'features' of its greeting");
        JsonElement answer = Call("supports", limit, json => Describe(json, call, layouts));
        Generates = answer.TryGetProperty("generates", out JsonElement generates) && generates.ValueKind == JsonValueKind.True;
        if (!answer.TryGetProperty("layouts", out JsonElement wanted) || wanted.ValueKind == JsonValueKind.Null)
            return new Dictionary<string, string>();
        return wanted.ValueKind == JsonValueKind.Object && wanted.EnumerateObject().All(m => m.Value.ValueKind == JsonValueKind.String)
            ? wanted.EnumerateObject().GroupBy(m => m.Name).ToDictionary(g => g.Key, g => g.Last().Value.GetString()!)
            : throw new BackendException($"the worker's 'layouts' for {call.Operation} is no object of texts");
    }

    private WorkerClient Greeted(JsonElement hello)
    {
        int version = Whole(hello, "protocol");
        if (version != Protocol)
            throw new ContractException($"the worker speaks version {version} of the protocol, this tool version {Protocol}; use a worker of the same release");
        Name = Text(hello, "name");
        Device = Text(hello, "device");
        Modes = hello.TryGetProperty("modes", out JsonElement modes) && modes.ValueKind == JsonValueKind.Array
            ? [.. modes.EnumerateArray().Select(m => m.GetString() ?? "")]
            : ["eager"];
        features = hello.TryGetProperty("features", out JsonElement listed) && listed.ValueKind == JsonValueKind.Array
            ? [.. listed.EnumerateArray().Select(f => f.ToString())]
            : [];
        return this;
    }

    /// <summary>Prepares a call: compiling, choosing kernels.</summary>
    public int Prepare(OperationCall call, CallLayouts layouts, TimeSpan prepare) => Call("prepare", prepare, json => Describe(json, call, layouts), answer => Whole(answer, "plan"));

    /// <summary>Bytes of scratch memory that a plan needs.</summary>
    public long WorkspaceSize(int plan) => Call("workspace_size", limit, json => json.WriteNumber("plan", plan), answer =>
        answer.TryGetProperty("bytes", out JsonElement bytes) && bytes.ValueKind == JsonValueKind.Number && bytes.TryGetInt64(out long n) && n >= 0 ? n : throw Nonsense("workspace_size", "'bytes' is no size"));

    /// <summary>Makes a tensor of the worker's from a file of the folder; <paramref name="shift"/> bytes past an allocation's natural start.</summary>
    public int Put(Operand operand, CallLayouts layouts, string file, int shift) => Call("put", limit, json =>
    {
        json.WriteString("name", operand.Name);
        json.WriteString("dtype", operand.Tensor.DType.Name());
        Shape(json, operand.Tensor.Shape);
        layouts.Write(json, operand);
        json.WriteString("file", file);
        json.WriteNumber("shift", shift);
    }, answer => Whole(answer, "handle"));

    /// <summary>Has the worker make a tensor from its seed, in new memory or in that of a handle; the handle, and the SHA-256 of the bytes that it made.</summary>
    /// <exception cref="ContractException">It cannot make this one.</exception>
    public (int Handle, string Digest) Generate(Operand operand, TensorOrigin origin, int shift, int? into) => Call("generate", limit, json =>
    {
        json.WriteString("name", operand.Name);
        json.WriteString("dtype", operand.Tensor.DType.Name());
        Shape(json, operand.Tensor.Shape);
        json.WriteString("layout", Layouts.Layout.Contiguous.ToString());
        json.WriteString("seed", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{origin.Seed:x}"));
        json.WriteString("tensor", origin.Name);
        json.WriteString("map", origin.Map);
        json.WriteNumber("shift", shift);
        if (into is { } handle)
            json.WriteNumber("handle", handle);
        else
            json.WriteNull("handle");
    }, answer => (Whole(answer, "handle"), Text(answer, "sha256")));

    /// <summary>The SHA-256 of the bytes of a tensor of the worker's.</summary>
    public string Digest(int handle) => Call("digest", limit, json => json.WriteNumber("handle", handle), answer => Text(answer, "sha256"));

    /// <summary>Makes scratch memory, every byte 0xA5.</summary>
    public int Workspace(long bytes) => Call("workspace", limit, json => json.WriteNumber("bytes", bytes), answer => Whole(answer, "handle"));

    /// <summary>Writes other contents into a tensor of the worker's.</summary>
    public void Write(int handle, string file) => Call("write", limit, json =>
    {
        json.WriteNumber("handle", handle);
        json.WriteString("file", file);
    });

    /// <summary>Runs a plan.</summary>
    public void Run(int plan, IEnumerable<(string Name, int Handle)> arguments, int? workspace, string mode) => Call("run", limit, json =>
    {
        json.WriteNumber("plan", plan);
        json.WriteStartObject("args");
        foreach ((string name, int handle) in arguments)
            json.WriteNumber(name, handle);
        json.WriteEndObject();
        if (workspace is { } scratch)
            json.WriteNumber("workspace", scratch);
        else
            json.WriteNull("workspace");
        json.WriteString("mode", mode);
    });

    /// <summary>Has the worker write a tensor's bytes into a file of the folder.</summary>
    public void Read(int handle, string file) => Call("read", limit, json =>
    {
        json.WriteNumber("handle", handle);
        json.WriteString("file", file);
    });

    /// <summary>Gives tensors and plans back.</summary>
    public void Free(IEnumerable<int> handles, IEnumerable<int> plans) => Call("free", limit, json =>
    {
        Numbers(json, "handles", handles);
        Numbers(json, "plans", plans);
    });

    /// <summary>Gives back what a case that failed had; one that cannot be given back is the failed case's too.</summary>
    public void FreeAfterFailure(IEnumerable<int> handles, IEnumerable<int> plans)
    {
        if (IsLost)
            return;
        try
        {
            Free(handles, plans);
        }
        catch (ReferenceException)
        {
            // The case's own failure is told; a worker that is lost by now is started again.
        }
    }

    /// <summary>Says goodbye and waits for the end; null, or how a worker that should have ended well ended.</summary>
    public string? Bye()
    {
        if (IsLost)
            return null;
        try
        {
            Call("bye", limit, _ => { });
        }
        catch (BackendException e)
        {
            return e.Message;
        }

        string end = process.End();
        return end.StartsWith("exit code 0", StringComparison.Ordinal) ? null : end;
    }

    /// <inheritdoc/>
    public void Dispose() => process.Dispose();

    private JsonElement Call(string name, TimeSpan time, Action<Utf8JsonWriter> body) => Call(name, time, body, answer => answer);

    /// <summary>A call and what its answer says; what cannot be read as that is a broken protocol too.</summary>
    private T Call<T>(string name, TimeSpan time, Action<Utf8JsonWriter> body, Func<JsonElement, T> read)
    {
        try
        {
            int sent = ++id;
            long until = Environment.TickCount64 + (long)time.TotalMilliseconds;
            process.Frames.Send(json =>
            {
                json.WriteNumber("id", sent);
                json.WriteString("call", name);
                body(json);
            }, time);
            JsonElement answer = process.Frames.Receive(until);
            if (Whole(answer, "id") != sent)
                throw Nonsense(name, $"the answer has id {answer.GetProperty("id")} where {sent} is due");
            return read(Accept(name, answer));
        }
        catch (TimeoutException)
        {
            IsLost = true;
            process.Kill();
            throw new BackendException($"the worker gave no answer to '{name}' within {time.TotalSeconds:F0} s while it was at {doing}, and was ended") { Ended = true };
        }
        catch (IOException)
        {
            IsLost = true;
            throw new BackendException($"the worker crashed in '{name}' while it was at {doing}: {process.End()}") { Ended = true };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            IsLost = true;
            process.Kill();
            throw new BackendException($"the worker's answer to '{name}' is no message of the protocol ({e.Message.ReplaceLineEndings(" ")}); see docs/spec/worker.md", e) { Ended = true };
        }
    }

    private JsonElement Accept(string name, JsonElement answer)
    {
        string message = answer.TryGetProperty("message", out JsonElement m) && m.ValueKind == JsonValueKind.String ? m.GetString()!.ReplaceLineEndings(" ") : "no reason given";
        string status = Text(answer, "status");
        switch (status)
        {
            case "OK":
                return answer;
            case "UNSUPPORTED":
                throw new ContractException(message);
            case "INVALID" or "OOM" or "LAUNCH_ERROR":
                throw new BackendException($"{status} from '{name}' at {doing}: {message}");
            case "CONTEXT_LOST":
                IsLost = true;
                process.Kill();
                throw new BackendException($"CONTEXT_LOST from '{name}' at {doing}: {message}") { Ended = true };
            default:
                throw Nonsense(name, $"status '{status}' is none of OK, UNSUPPORTED, INVALID, OOM, LAUNCH_ERROR, CONTEXT_LOST");
        }
    }

    private static void Describe(Utf8JsonWriter json, OperationCall call, CallLayouts layouts)
    {
        json.WriteString("op", OperationNames.Of(call.Operation));
        json.WriteStartArray("tensors");
        foreach (Operand operand in call.Operands)
        {
            json.WriteStartObject();
            json.WriteString("name", operand.Name);
            json.WriteString("role", operand.Role == OperandRole.Input ? "in" : "out");
            json.WriteString("dtype", operand.Tensor.DType.Name());
            Shape(json, operand.Tensor.Shape);
            layouts.Write(json, operand);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WritePropertyName("attributes");
        CallAttributes.Write(call, json);
    }

    private int Whole(JsonElement answer, string key) =>
        answer.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int n) ? n : throw Nonsense(doing, $"'{key}' is no whole number");

    private string Text(JsonElement answer, string key) =>
        answer.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Nonsense(doing, $"'{key}' is no text");

    private static JsonException Nonsense(string name, string what) => new($"{name}: {what}");

    private static void Shape(Utf8JsonWriter json, Shape shape)
    {
        json.WriteStartArray("shape");
        foreach (long d in shape.Dimensions)
            json.WriteNumberValue(d);
        json.WriteEndArray();
    }

    private static void Numbers(Utf8JsonWriter json, string key, IEnumerable<int> values)
    {
        json.WriteStartArray(key);
        foreach (int value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
