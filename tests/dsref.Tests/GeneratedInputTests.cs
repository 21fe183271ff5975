using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>docs/spec/worker.md 6: inputs that a worker makes from their seed. tests/External has Python's worker and dsref-host do it.</summary>
public sealed class GeneratedInputTests
{
    private static readonly OperationCase Add = OperationCase.Parse("add[n=131]");

    private static readonly string[] Sent = ["put a", "put b", "put y"];

    [Fact]
    public void Rule_N14_only_digests_of_the_inputs_cross()
    {
        using var worker = new ScriptedWorker(generateFrom: 0);
        OperationCall call = Run(worker);
        Assert.Equal(["generate a", "generate b", "put y"], Tensors(worker));
        Assert.Equal(2, worker.Calls.Count(c => c == "digest"));
        Assert.Single(worker.Calls, c => c == "read");
        OperationCall right = call.WithOwnOutputs();
        right.Run(new ScalarBackend());
        Assert.Equal(right["y"].AsBytes().ToArray(), call["y"].AsBytes().ToArray());
    }

    /// <summary>524 bytes are sent where it takes 525, and made where it takes 524.</summary>
    [Theory]
    [InlineData(524, true)]
    [InlineData(525, false)]
    public void Small_inputs_are_sent(long from, bool made)
    {
        using var worker = new ScriptedWorker(from);
        Run(worker);
        Assert.Equal(made ? ["generate a", "generate b", "put y"] : Sent, Tensors(worker));
    }

    [Fact]
    public void What_a_worker_declines_to_make_is_sent()
    {
        using var worker = new ScriptedWorker(0, (call, request) => call == "generate" ? new Dictionary<string, object> { ["status"] = "UNSUPPORTED", ["message"] = "no" } : null);
        Run(worker);
        Assert.Equal(["generate a", "put a", "generate b", "put b", "put y"], Tensors(worker));
    }

    [Fact]
    public void A_worker_that_does_not_say_that_it_can_is_not_asked()
    {
        using var worker = new ScriptedWorker(0, (call, _) => call == "supports" ? new Dictionary<string, object>() : null);
        Run(worker);
        Assert.Equal(Sent, Tensors(worker));
    }

    [Fact]
    public void Another_digest_fails_and_names_the_tensor()
    {
        string wrong = new('0', 64);
        using var worker = new ScriptedWorker(0, (call, request) =>
            call == "generate" && request.GetProperty("name").GetString() == "b" ? new Dictionary<string, object> { ["handle"] = 2, ["sha256"] = wrong } : null);
        BackendException e = Assert.Throws<BackendException>(() => Run(worker));
        OperationCall call = Add.Call(Add.Prepare());
        Assert.Equal($"Add: the worker made the input 'b' wrongly: F32 [131] by map bell from seed 0x2a has SHA-256 {ScriptedWorker.Digest(call["b"].AsBytes().ToArray())}, the worker's {wrong}", e.Message);
    }

    /// <summary>A tensor that was written to since it was made has another digest through no fault of the worker's.</summary>
    [Fact]
    public void An_input_that_is_no_longer_what_it_was_made_as_is_sent()
    {
        using var worker = new ScriptedWorker(0);
        OperationCall call = Add.Call(Add.Prepare());
        call["a"].AsSpan<float>()[130] = 7;
        call.Run(worker.Backend);
        Assert.Equal(["generate a", "put a", "generate b", "put y"], Tensors(worker));
        Assert.Equal(7 + call["b"].AsReadOnlySpan<float>()[130], call["y"].AsReadOnlySpan<float>()[130]);
    }

    [Fact]
    public void A_worker_that_changes_what_it_made_fails()
    {
        ScriptedWorker? spoilt = null;
        using var worker = new ScriptedWorker(0, (call, request) =>
        {
            if (call == "run")
                spoilt!.Bytes(2)[520] ^= 1;
            return null;
        });
        spoilt = worker;
        BackendException e = Assert.Throws<BackendException>(() => Run(worker));
        Assert.Equal("Add: the worker changed its input 'b'", e.Message);
    }

    private static OperationCall Run(ScriptedWorker worker)
    {
        OperationCall call = Add.Call(Add.Prepare());
        call.Run(worker.Backend);
        return call;
    }

    private static IEnumerable<string> Tensors(ScriptedWorker worker) => worker.Calls.Where(c => c.Contains(' ', StringComparison.Ordinal));
}
