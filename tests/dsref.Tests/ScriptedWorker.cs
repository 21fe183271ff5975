using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A worker that is a thread of the test: it adds, makes inputs, and does what a test tells it to instead. The command that the tool starts only writes down the socket's path.</summary>
internal sealed class ScriptedWorker : IDisposable
{
    private readonly string file = Path.GetTempFileName();
    private readonly Dictionary<int, byte[]> tensors = [];
    private readonly Thread thread;
    private string folder = "";

    /// <summary>A worker with answers of the test's own: null leaves a call to the worker.</summary>
    public ScriptedWorker(long generateFrom, Func<string, JsonElement, object?>? instead = null)
    {
        Instead = instead ?? ((_, _) => null);
        thread = new Thread(Serve) { IsBackground = true };
        thread.Start();
        Backend = new WorkerBackend($"sh -c 'echo \"$0\" >{file}; exec sleep 600'", new WorkerOptions { GenerateFrom = generateFrom }, ["eager"]);
    }

    /// <summary>The backend that speaks to this worker.</summary>
    public WorkerBackend Backend { get; }

    /// <summary>Calls and the operand that each was for.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>The memory of a tensor, to be spoilt.</summary>
    public byte[] Bytes(int handle) => tensors[handle];

    private Func<string, JsonElement, object?> Instead { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Backend.Dispose();
        thread.Join();
        File.Delete(file);
    }

    /// <summary>The SHA-256 of bytes, as the protocol writes it.</summary>
    public static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private void Serve()
    {
        string path;
        while ((path = File.ReadAllText(file)).EndsWith('\n') == false)
            Thread.Sleep(5);
        using var line = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        line.Connect(new UnixDomainSocketEndPoint(path.TrimEnd('\n')));
        while (Receive(line) is { } request)
        {
            string call = request.GetProperty("call").GetString()!;
            Calls.Add(request.TryGetProperty("name", out JsonElement name) ? $"{call} {name.GetString()}" : call);
            var answer = new Dictionary<string, object> { ["id"] = request.GetProperty("id").GetInt32(), ["status"] = "OK" };
            object given = Instead(call, request) ?? Answer(call, request);
            foreach ((string key, object value) in (IEnumerable<KeyValuePair<string, object>>)given)
                answer[key] = value;
            byte[] body = JsonSerializer.SerializeToUtf8Bytes(answer), frame = new byte[body.Length + 4];
            BinaryPrimitives.WriteInt32LittleEndian(frame, body.Length);
            body.CopyTo(frame, 4);
            line.Send(frame);
        }
    }

    private Dictionary<string, object> Answer(string call, JsonElement request)
    {
        switch (call)
        {
            case "hello":
                folder = request.GetProperty("folder").GetString()!;
                return new() { ["protocol"] = 1, ["name"] = "scripted", ["device"] = "a thread" };
            case "supports":
                return new() { ["generates"] = true };
            case "prepare":
                return new() { ["plan"] = 1 };
            case "workspace_size":
                return new() { ["bytes"] = 0 };
            case "put":
                tensors.Add(tensors.Count + 1, File.ReadAllBytes(Path.Combine(folder, request.GetProperty("file").GetString()!)));
                return new() { ["handle"] = tensors.Count };
            case "generate":
                int n = request.GetProperty("shape")[0].GetInt32();
                var input = new CaseInput(request.GetProperty("tensor").GetString()!, request.GetProperty("map").GetString()!, DType.F32, new Shape(n));
                tensors.Add(tensors.Count + 1, CaseInputs.Make(input, Convert.ToUInt64(request.GetProperty("seed").GetString(), 16)).AsBytes().ToArray());
                return new() { ["handle"] = tensors.Count, ["sha256"] = Digest(tensors[tensors.Count]) };
            case "digest":
                return new() { ["sha256"] = Digest(tensors[request.GetProperty("handle").GetInt32()]) };
            case "run":
                JsonElement args = request.GetProperty("args");
                (byte[] a, byte[] b, byte[] y) = (Of(args, "a"), Of(args, "b"), Of(args, "y"));
                for (int i = 0; i < y.Length; i += 4)
                    BitConverter.TryWriteBytes(y.AsSpan(i), BitConverter.ToSingle(a, i) + BitConverter.ToSingle(b, i));
                return [];
            case "read":
                File.WriteAllBytes(Path.Combine(folder, request.GetProperty("file").GetString()!), tensors[request.GetProperty("handle").GetInt32()]);
                return [];
            default:
                return [];
        }
    }

    private byte[] Of(JsonElement args, string name) => tensors[args.GetProperty(name).GetInt32()];

    private static JsonElement? Receive(Socket line)
    {
        byte[] length = new byte[4];
        if (!Fill(line, length))
            return null;
        byte[] body = new byte[BinaryPrimitives.ReadInt32LittleEndian(length)];
        return Fill(line, body) ? JsonDocument.Parse(body).RootElement : null;
    }

    private static bool Fill(Socket line, byte[] bytes)
    {
        for (int got = 0; got < bytes.Length;)
        {
            int n;
            try
            {
                n = line.Receive(bytes.AsSpan(got));
            }
            catch (SocketException)
            {
                n = 0;
            }

            if (n == 0)
                return false;
            got += n;
        }

        return true;
    }
}
