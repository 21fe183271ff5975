using System.Text.Json;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>
/// eager_worker.py, eager.sh and pair.py with Debian's PyTorch, on the CPU. Where its BLAS decides on bits, any verdict that passes under <c>--accept bound</c> will do.
/// What that version lacks, or a CPU rounds where a GPU does not, is stood in for by gpu/newer.py.
/// </summary>
public sealed partial class EagerTests : IDisposable
{
    private const string Python = "/usr/bin/python3";
    private static readonly string Tools = Repository.Path("tools", "backends", "gpu");
    private static readonly string Worker = Path.Combine(Tools, "eager_worker.py");
    private static readonly string Newer = $"{Repository.Path("tests", "External", "gpu", "newer.py")} {Worker}";

    private readonly string folder = Directory.CreateTempSubdirectory("dsref-eager-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("linear[t=0,n=11,k=48]", "linear[t=5,n=7,k=131]", "linear[t=3,n=13,k=64,x=bf16,weight=bf16,y=bf16]", "linear_dgrad[t=5,n=16,k=13]", "linear_wgrad[t=9,n=5,k=7]", "linear_wgrad[t=0,n=5,k=7]",
        "swiglu[n=131]", "swiglu[n=131,gate=bf16,up=bf16,y=bf16]", "swiglu_backward[n=131]", "rms_norm[t=3,n=67,x=bf16,y=bf16]", "rms_norm[t=3,n=67,contract=huggingface]",
        "softmax[t=3,n=17]", "softmax[t=3,n=17,x=bf16]", "log_softmax[t=3,n=17]", "cross_entropy[t=6,v=67,ignored=yes]", "cross_entropy_backward[t=6,n=20,first=20,v=67,ignored=yes]")]
    [InlineData("attention_backward[s=5,t=9,h=2,d=12,dv=7]", "gate[t=3,e=16,k=4,groups=4,kept=2]", "gate[t=7,e=13,k=3,scoring=softmax]", "gate[t=7,e=13,k=3,scoring=softmax,normalize=no,scale=1,contract=deepseekinference]", "gate[t=5,e=24,k=4,normalize=no,scale=1]",
        "gate[t=3,e=256,k=8,groups=8,kept=4,contract=huggingface]", "gate[t=3,e=256,k=8,groups=8,kept=4,contract=deepseekinference]")]
    public void An_operation_of_PyTorch_passes_on_the_CPU(params string[] cases) => Assert.All(Verify(Worker, cases), one => Assert.Contains(one.Verdict, (string[])["BITS", "NOISE", "BOUND"]));

    [Fact]
    public void What_adds_up_nothing_has_its_bits_on_every_CPU()
    {
        string[] cases = ["embedding[v=37,d=19,t=11]", "embedding[v=37,d=19,t=11,long=yes]", "embedding[v=37,d=19,t=11,weight=bf16,y=bf16]", "embedding_backward[v=64,d=12,t=9]", "add[n=0]", "add[n=131]", "add[n=131,a=bf16,b=bf16,y=bf16]"];
        Assert.All(Verify(Worker, cases), one => Assert.Equal("BITS", one.Verdict));
    }

    [Theory]
    [InlineData("", "rms_norm[t=3,n=67]", "rms_norm[t=3,n=64,x=bf16,weight=bf16,y=bf16]", "rms_norm_backward[t=3,n=67]", "linear[t=3,n=13,k=64,x=bf16,weight=bf16,sum=hopper-wgmma-bf16-f32]", "swiglu[n=131,contract=huggingface]",
        "scaled_linear[t=5,n=24,k=272,y=bf16]", "scaled_linear[t=5,n=130,k=384]", "scaled_linear[t=5,n=24,k=272,rows=yes]", "scaled_linear[t=5,n=24,k=112,rows=yes,y=bf16]", "scaled_linear[t=1,n=1,k=128]")]
    [InlineData("--sdpa math --pad 128", "attention[s=5,t=5,h=2,hk=2,d=64,dv=64]", "attention[s=3,t=9,h=2,hk=2,d=64,dv=32]", "attention[s=3,t=9,h=2,hk=2,d=64,dv=32,first=4]", "attention[s=3,t=9,h=2,hk=2,d=64,dv=32,q=bf16,keys=bf16,values=bf16,y=bf16]",
        "attention[s=9,t=9,h=4,hk=4,d=64,dv=128,contract=deepseekinference]", "attention[s=5,t=9,h=2,hk=2,d=64,dv=64,contract=huggingface]", "scaled_linear[t=5,n=130,k=384,rows=yes]", "linear[t=3,n=13,k=64]")]
    [InlineData("--sdpa flash --fp8 rowwise", "attention[s=3,t=9,h=2,hk=2,d=64,dv=32,q=bf16,keys=bf16,values=bf16,y=bf16,rounding=probabilities]",
        "attention[s=1,t=9,h=2,hk=2,d=64,dv=32,q=bf16,keys=bf16,values=bf16,y=bf16,rounding=probabilities]", "scaled_linear[t=5,n=24,k=112,rows=yes,y=bf16]")]
    [InlineData("--sdpa eager --fp8 block-fast", "attention[s=3,t=9,h=2,hk=2,d=64,dv=32,first=4]", "scaled_linear[t=5,n=130,k=384]")]
    public void Operands_are_handed_over_as_newer_versions_take_them(string options, params string[] cases) =>
        Assert.All(Verify($"{Newer} {options}", cases), one => Assert.Contains(one.Verdict, (string[])["BITS", "NOISE", "BOUND"]));

    [Fact]
    public void What_PyTorch_does_not_do_is_skipped_with_its_reason()
    {
        Refuses(Worker, new()
        {
            ["linear[t=3,n=13,k=64,x=bf16,weight=bf16,sum=hopper-wgmma-bf16-f32]"] = "has no out_dtype of mm",
            ["linear[t=3,n=13,k=64,weight=bf16]"] = "torch takes operands of one dtype here, not F32, BF16",
            ["linear[t=3,n=13,k=64,y=bf16]"] = "torch gives no BF16 of F32",
            ["add[n=131,y=bf16]"] = "torch gives F32 where y is BF16",
            ["scaled_linear[t=5,n=24,k=272]"] = "has no kernel for scaled_linear",
            ["rms_norm[t=3,n=67]"] = "has no rms_norm",
            ["attention[s=5,t=5,h=2,hk=2,d=64,dv=64]"] = "has no scaled_dot_product_attention",
            ["attention[s=5,t=5,h=2,hk=1,d=64,dv=64]"] = "takes keys and values of each head alone",
            ["attention[s=5,t=5,h=2,hk=2,d=64,dv=64,lse=yes]"] = "gives no log-sum-exp",
            ["gate[t=3,e=16,k=4,rounding=everystep]"] = "torch rounds to the logits' dtype, which rounding everystep does not",
            ["rope[t=3,h=2,d=8,dr=8]"] = "has no kernel for rope",
        });
        Refuses(Newer + " --sdpa flash --fp8 fast", new()
        {
            ["attention[s=5,t=5,h=2,hk=2,d=64,dv=64]"] = "torch: No available kernel",
            ["attention[s=5,t=5,h=2,hk=2,d=64,dv=64,q=bf16,keys=bf16,values=bf16,y=bf16]"] = "the flash kernel has rounding probabilities here, not none",
            ["scaled_linear[t=5,n=24,k=272]"] = "takes one scale of 1 for each tensor",
            ["scaled_linear[t=5,n=24,k=67]"] = "cuBLASLt takes K in multiples of 16, not 67",
        });

        static void Refuses(string worker, Dictionary<string, string> reasons) => Assert.All(Verify(worker, [.. reasons.Keys]), one =>
        {
            Assert.Equal("SKIP", one.Verdict);
            Assert.Contains(reasons[one.Id], one.Detail, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("DEVICE=cuda", "torch sees no GPU; DEVICE=cpu tries it without one")]
    [InlineData("DEVICE=tpu", "DEVICE is cuda or cpu, not tpu")]
    [InlineData("KEEP=nowhere", "KEEP names nowhere, which is no folder")]
    public void A_worker_that_cannot_begin_says_why(string variable, string says)
    {
        InstructionSets.Outcome outcome = ForeignTool.Run("env", ["DEVICE=cpu", variable, Python, Worker, "socket"]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.Equal($"eager_worker.py: {says}\n", outcome.Error);
    }

    [Fact]
    public void A_wrong_operation_fails_and_what_it_gave_can_be_explained()
    {
        string[] cases = ["swiglu[n=131]", "embedding[v=5,d=8,t=3]", "softmax[t=3,n=17]", "add[n=0]", "add[n=131]"];
        (string report, string kept) = Keep($"{Repository.Path("tests", "External", "gpu", "wrong.py")} {Tools}", cases);
        Assert.Equal(["FAIL", "FAIL", "FAIL", "BITS", "BITS"], Cases(File.ReadAllText(report)).Select(one => one.Verdict));
        Assert.Equal(["0000.swiglu.safetensors", "0001.embedding.failed", "0002.softmax.failed", "0003.add.safetensors", "0004.add.safetensors"], Names(kept));

        ForeignTool.Pass(Pair(report, kept));
        Assert.Equal(["add.n0.safetensors", "add.n131.safetensors", "embedding.v5.d8.t3.failed", "softmax.t3.n17.failed", "swiglu.n131.safetensors"], Names(kept));
        string path = Path.Combine(kept, "swiglu.n131.safetensors");
        Assert.Contains("\"case\": \"swiglu[n=131]\", \"verdict\": \"FAIL\"", File.ReadAllText(path), StringComparison.Ordinal);
        string text = ForeignTool.Run("dotnet", [Tool, "explain", cases[0], path]).Output;
        Assert.Contains("gate-up-swapped", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_that_do_not_fit_the_report_are_not_named()
    {
        (string report, string kept) = Keep(Worker, "add[n=5]", "embedding[v=5,d=8,t=3]", "rope[t=3,h=2,d=8,dr=8]");
        string[] before = Names(kept);
        Assert.Equal(["0000.add.safetensors", "0001.embedding.safetensors"], before);

        Refuses("is no report", Path.Combine(kept, before[0]), kept);
        Refuses("usage: pair.py REPORT.json FOLDER", report);
        File.Move(Path.Combine(kept, before[1]), Path.Combine(kept, "0001.softmax.failed"));
        Refuses("0001.softmax.failed is not of embedding[v=5,d=8,t=3]", report, kept);
        Assert.Equal(["0000.add.safetensors", "0001.softmax.failed"], Names(kept));
        File.Delete(Path.Combine(kept, "0001.softmax.failed"));
        Refuses($"1 calls in {kept} and 2 cases in {report} that are not SKIP", report, kept);
        Assert.Equal(["0000.add.safetensors"], Names(kept));

        static void Refuses(string says, params string[] arguments)
        {
            InstructionSets.Outcome outcome = Pair(arguments);
            Assert.Equal(1, outcome.ExitCode);
            Assert.Contains(says, outcome.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>Each id of the script is one of the tool's, with any size where a loop writes it: a mistyped one would be found on the GPU.</summary>
    [Fact]
    public void The_cases_of_the_script_are_cases()
    {
        string[] ids = [.. CaseId().Matches(File.ReadAllText(Path.Combine(Tools, "eager.sh"))).Select(m => Variable().Replace(m.Groups[1].Value, "128"))];
        Assert.True(ids.Length >= 50, string.Join('\n', ids));
        Assert.All(ids, id => Verification.OperationCase.Parse(id));
    }

    /// <summary>The whole script with a few cases: what a step ends with is certain where neither this CPU's BLAS nor its bfloat16 has a say.</summary>
    [Fact]
    public void The_script_runs_from_end_to_end_and_never_over_another_run()
    {
        InstructionSets.Outcome outcome = Script();
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        string result = Path.Combine(folder, "eager");
        Dictionary<string, string> exits = File.ReadAllLines(Path.Combine(result, "exits")).ToDictionary(line => line.Split(": ")[0], line => line.Split(": exit ")[^1]);
        string[] outputs = ["elements", "f32", "fp8", "fp8-fast", "gradients", "gradients-tf32", "heads-cudnn", "heads-efficient", "heads-flash", "heads-math", "norms", "tf32", "wide"];
        string[] probes = ["linear-bf16-1", "linear-f32-1", "linear-tf32-1", "scaled-linear-block-1", "scaled-linear-fast-1", "scaled-linear-rowwise-1", "scaled-linear-slow-1"];
        string[] reports = ["add", "embedding"];
        Assert.Equal(outputs.Concat(probes).Concat(reports).Order(StringComparer.Ordinal), exits.Keys.Order(StringComparer.Ordinal));
        Assert.All(reports, name => Assert.Equal("0", exits[name]));
        Assert.All(["fp8", "fp8-fast", "heads-cudnn", "heads-efficient", "heads-flash", "norms"], name => Assert.Equal("3", exits[name]));
        Assert.All(probes.Where(name => !name.Contains("32-", StringComparison.Ordinal)), name => Assert.Equal("2", exits[name]));
        Assert.All(exits, exit => Assert.Contains(exit.Value, (string[])["0", "1", "2", "3"]));

        Assert.All(outputs, name => Assert.NotEmpty(Cases(File.ReadAllText(Path.Combine(result, "outputs", name + ".json")))));
        Assert.All(reports, name => Assert.NotEmpty(Cases(File.ReadAllText(Path.Combine(result, "verify", name + ".json")))));
        Assert.All(probes, name => Assert.True(File.Exists(Path.Combine(result, "probes", name + ".json"))));
        Assert.Equal(["gate.t3.e16.k4.groups4.kept2.safetensors", "softmax.t3.n17.safetensors"], Names(Path.Combine(result, "outputs", "elements")));
        Assert.Equal(["attention.s5.t5.h2.hk2.d64.dv64.contract-huggingface.safetensors"], Names(Path.Combine(result, "outputs", "heads-math")));
        using (var provenance = JsonDocument.Parse(File.ReadAllText(Path.Combine(result, "provenance.json"))))
            Assert.Equal(["commit", "torch", "cuda", "git", "date"], provenance.RootElement.EnumerateObject().Select(m => m.Name));

        InstructionSets.Outcome again = Script();
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("is there already", again.Error, StringComparison.Ordinal);
    }

    /// <summary>Sums are short: threads that wait for each other cost more than they give.</summary>
    private const string OneThread = "OMP_NUM_THREADS=1";

    private static string Tool => Repository.Path("tools", "dsref", "bin", "Release", "net10.0", "dsref.dll");

    private InstructionSets.Outcome Script()
    {
        string path = $"PATH={Repository.Path("tests", "External", "gpu", "stubs")}:{Environment.GetEnvironmentVariable("PATH")}";
        return ForeignTool.Run("env", [path, "DEVICE=cpu", OneThread, $"PYTHON={Python}", $"STUBS={Repository.Path("tools")}", "bash", Path.Combine(Tools, "eager.sh"), folder, "--small"]);
    }

    private static InstructionSets.Outcome Pair(params string[] arguments) => ForeignTool.Run(Python, [Path.Combine(Tools, "pair.py"), .. arguments]);

    private (string Report, string Kept) Keep(string worker, params string[] cases)
    {
        string report = Path.Combine(folder, "report.json"), kept = Directory.CreateDirectory(Path.Combine(folder, "kept")).FullName;
        File.WriteAllText(report, Run(worker, [$"KEEP={kept}"], cases).Output);
        return (report, kept);
    }

    private static (string Id, string Verdict, string Detail)[] Verify(string worker, params string[] cases)
    {
        InstructionSets.Outcome outcome = Run(worker, [], cases);
        (string Id, string Verdict, string Detail)[] found = Cases(outcome.Output);
        Assert.True(found.Length == cases.Length, outcome.ToString());
        return found;
    }

    private static InstructionSets.Outcome Run(string worker, string[] variables, string[] cases) =>
        ForeignTool.Run("env", ["DEVICE=cpu", OneThread, .. variables, "dotnet", Tool, "verify", .. cases, "--backend", $"{Python} {worker}", "--repeat", "1", "--modes", "eager", "--accept", "bound", "--json"]);

    private static (string Id, string Verdict, string Detail)[] Cases(string json)
    {
        using var report = JsonDocument.Parse(json);
        return [.. report.RootElement.GetProperty("cases").EnumerateArray().Select(one => (one.GetProperty("id").GetString()!, one.GetProperty("verdict").GetString()!, one.GetProperty("detail").GetString() ?? ""))];
    }

    private static string[] Names(string place) => [.. Directory.GetFiles(place).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];

    [GeneratedRegex("\"([a-z_]+\\[[^]\"]+\\])\"")]
    private static partial Regex CaseId();

    [GeneratedRegex("\\$[a-z]")]
    private static partial Regex Variable();
}
