using System.Text.RegularExpressions;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Faulty;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tool.Lab;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>The zoo of wrong backends: what <c>dsref lab zoo</c> does at length, here once each.</summary>
public sealed partial class ZooTests
{
    /// <summary>Not the verb's default, so that these runs are others.</summary>
    private const ulong Seed = 0x7e57;
    // Seconds a judgement may take. The cases are small enough to be judged whole in far less, and what a judgement looks at is to depend on no other process.
    private const double Budget = 60;

    /// <summary>Bugs that each fall to another check, or to one check for another reason; the whole zoo is the verb's.</summary>
    [Theory]
    [InlineData("zero-output", "bound")]
    [InlineData("nan-swallowed", "mask")]
    [InlineData("store-truncated", "bound", "rate")]
    [InlineData("store-twice-rounded", "rate")]
    [InlineData("scaled-split-k-bf16-combine", "rms", "rate")]
    [InlineData("codes-ties-away", "bits")]
    [InlineData("ties-to-higher-index", "choice", "bits")]
    [InlineData("padding-rows-written", "untouched")]
    [InlineData("mask-count-short", "poison")]
    [InlineData("last-row-unwritten", "poison")]
    [InlineData("stale-buffer", "bound")]
    [InlineData("input-mutated", "mutation")]
    [InlineData("writes-beyond-end", "canary")]
    [InlineData("reads-beyond-end", "bits", "mask", "bound")]
    [InlineData("needs-alignment", "placement")]
    [InlineData("race-of-last-token", "repeat")]
    [InlineData("eps-outside", "bound", "rms", "rate", "bias")]
    [InlineData("lse-base-2", "bound")]
    [InlineData("half-for-interleaved", "bound")]
    [InlineData("flush-to-zero", "bits")]
    public void A_bug_is_caught_on_a_fresh_seed_by_the_check_that_is_for_it(string name, params string[] checks)
    {
        Variant bug = Bugs.All.Single(b => b.Name == name);
        string c = bug.Cases.MinBy(each => OperationCase.Parse(each).MultiplyAdds)!;
        HarnessReport judged = ZooExperiment.RunOnce(bug, c, ZooExperiment.Fresh(Seed, name, c, 0), Budget, out OperationCase seeded);
        string found = $"{seeded}: {judged.Verdict} by {judged.Check} {judged.Note}";
        Assert.True(judged.Verdict is Verdict.Bound or Verdict.Suspect or Verdict.Fail, found);
        Assert.True(checks.Contains(judged.Check), found);
    }

    public static TheoryData<string> BackwardBugs => [.. Bugs.All.Where(b => b.Operation >= Operation.LinearDgrad).Select(b => b.Name)];

    /// <summary>Wrong signs, missing terms, stale buffers, wrong reductions: their cases are small, so that each of them runs here.</summary>
    [Theory]
    [MemberData(nameof(BackwardBugs))]
    public void Every_bug_of_a_backward_operation_is_caught_on_each_of_its_cases(string name)
    {
        Variant bug = Bugs.All.Single(b => b.Name == name);
        Assert.All(bug.Cases, c =>
        {
            HarnessReport judged = ZooExperiment.RunOnce(bug, c, ZooExperiment.Fresh(Seed, name, c, 0), Budget, out OperationCase seeded);
            Assert.True(judged.Verdict is Verdict.Bound or Verdict.Suspect or Verdict.Fail, $"{seeded}: {judged.Verdict} by {judged.Check} {judged.Note}");
        });
    }

    [Fact]
    public void Every_backward_operation_has_bugs() =>
        Assert.Empty(Enum.GetValues<Operation>().Where(o => o >= Operation.LinearDgrad).Except(Bugs.All.Select(b => b.Operation)));

    [Theory]
    [InlineData("sum-reversed")]
    [InlineData("sum-in-any-order")]
    [InlineData("split-k-4")]
    [InlineData("blocks-reversed")]
    [InlineData("accumulator-f25")]
    [InlineData("online-64")]
    [InlineData("split-kv-4-online")]
    [InlineData("softmax-float64")]
    [InlineData("wgrad-begins-at-c")]
    public void A_legitimate_variant_raises_no_alarm(string name)
    {
        Variant variant = Legitimate.All.Single(v => v.Name == name);
        string c = variant.Cases.MinBy(each => OperationCase.Parse(each).MultiplyAdds)!;
        HarnessReport judged = ZooExperiment.RunOnce(variant, c, ZooExperiment.Fresh(Seed, name, c, 0), Budget, out OperationCase seeded);
        Assert.True(judged.Verdict.Passes(), $"{seeded}: {judged.Verdict} by {judged.Check} {judged.Note}");
    }

    /// <summary>The bugs that everyone has met, by whichever names the zoo has them.</summary>
    [Theory]
    [InlineData("zero-output", "stale-buffer", "k-last-one-dropped", "k-last-16-dropped", "mask-one-too-many", "mask-one-too-few", "not-causal")]
    [InlineData("weight-scale-transposed", "weight-scale-of-neighbour", "activation-scale-of-neighbour", "scale-after-quantise", "ue8m0-floor", "codes-truncated", "store-truncated")]
    [InlineData("flush-to-zero", "accumulator-bf16", "split-k-bf16-combine", "promotion-256", "promotion-512", "promotion-never")]
    [InlineData("ties-to-higher-index", "bias-in-weights", "bias-bf16", "group-mask-zero", "routed-scale-missing", "weights-not-normalised")]
    [InlineData("missing-mscale", "half-for-interleaved", "eps-outside", "norm-weight-rounding", "gate-and-up-swapped", "mtp-order")]
    [InlineData("index-of-16-bits", "runs-differ", "one-element-in-ten-million", "nan-swallowed", "lse-base-2", "split-kv-without-rescale")]
    [InlineData("values-of-next-page", "padding-rows-written", "last-group-wrong")]
    public void The_zoo_has_the_bugs_that_it_was_made_for(params string[] names) => Assert.Empty(names.Except(Bugs.All.Select(b => b.Name)));

    [Fact]
    public void Verify_runs_a_faulty_backend_in_the_harness()
    {
        Outcome outcome = CommandLine.Run("verify", "rms_norm[t=3,n=17]", "softmax[t=3,n=67]", "--backend", "faulty:input-mutated", "--json");
        Assert.Equal(ExitCode.Mismatch, outcome.Exit);
        System.Text.Json.JsonElement[] cases = [.. outcome.Json.GetProperty("cases").EnumerateArray()];
        Assert.Equal(["FAIL", "BITS"], cases.Select(c => c.GetProperty("verdict").GetString()));
        Assert.Equal("mutation", cases[0].GetProperty("check").GetString());
        Assert.Equal([1, 3], cases.Select(c => c.GetProperty("runs").GetInt32()));
    }

    [Fact]
    public void Runs_that_differ_fail_unless_the_order_is_declared_free()
    {
        string[] verify = ["verify", "linear[t=3,n=13,k=67]", "--backend", "faulty:sum-in-any-order"];
        Outcome bound = CommandLine.Run(verify);
        Assert.Equal(ExitCode.Mismatch, bound.Exit);
        Assert.Contains("NONDETERMINISTIC repeat: y[", bound.Out, StringComparison.Ordinal);
        Assert.Contains("NOISE    linear[t=3,n=13,k=67]  NONDETERMINISTIC y, noise", CommandLine.Run([.. verify, "--free-order"]).Passes().Out, StringComparison.Ordinal);
        Assert.DoesNotContain("NONDETERMINISTIC", CommandLine.Run([.. verify, "--repeat", "1"]).Passes().Out, StringComparison.Ordinal);
        CommandLine.Run([.. verify, "--repeat", "0"]).RefusesWith(2, "--repeat 0", "1 to 10000");
    }

    [Theory]
    [InlineData("linear[t=3,n=13,k=67]")]
    [InlineData("indexed_scaled_linear[r=8,g=2,n=5,k=128,align=4]")]
    [InlineData("masked_scaled_linear[m=4,g=2,n=5,k=128]")]
    [InlineData("quantize[t=3,k=300]")]
    [InlineData("gate[t=16,e=32,k=4,groups=8,kept=4]")]
    [InlineData("grouped_linear_wgrad[r=5,g=9,n=3,k=7]")]
    public void The_harness_lets_right_bits_pass(string c) => Assert.Equal(Verdict.Bits, OperationJudge.Judge(OperationCase.Parse(c), OperationJudge.Record(OperationCase.Parse(c), new SimdBackend(), []), new FaultyBackend("embedding-next-row"), new HarnessOptions()).Verdict);

    [Fact]
    public void There_are_enough_bugs_and_their_names_are_unique_words()
    {
        Assert.True(Bugs.All.Count >= 64);
        string[] names = [.. Bugs.All.Concat(Legitimate.All).Select(v => v.Name)];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(names, name => Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", name));
        Assert.All(Bugs.All.Concat(Legitimate.All), v => Assert.EndsWith(".", v.Sentence, StringComparison.Ordinal));
    }

    [Fact]
    public void A_variant_s_cases_are_written_as_their_ids_and_carry_no_seed() => Assert.All(Bugs.All.Concat(Legitimate.All).SelectMany(v => v.Cases), c =>
    {
        OperationCase parsed = OperationCase.Parse(c);
        Assert.Equal(c, parsed.ToString());
        Assert.Null(parsed.Id["seed"]);
    });

    [Fact]
    public void The_zoo_s_page_lists_the_bugs_and_the_legitimate_variants_that_there_are()
    {
        string page = File.ReadAllText(Pages.PathOf("zoo.md"));
        Assert.Equal(Bugs.All.Select(b => b.Name), NameCells().Matches(Section(page, "## 4.")).Select(m => m.Groups[1].Value));
        Assert.Equal(Legitimate.All.Select(v => v.Name), NameCells().Matches(Section(page, "## 5.")).Select(m => m.Groups[1].Value));
    }

    [Fact]
    public void Fresh_seeds_are_repeatable_differ_and_are_no_golden_s()
    {
        ulong[] seeds = [.. Enumerable.Range(0, 100).Select(i => ZooExperiment.Fresh(1, "a", "add[n=1]", i))];
        Assert.Equal(100, seeds.Distinct().Count());
        Assert.DoesNotContain(0x2aUL, seeds);
        Assert.Equal(seeds[3], ZooExperiment.Fresh(1, "a", "add[n=1]", 3));
        Assert.NotEqual(seeds[3], ZooExperiment.Fresh(2, "a", "add[n=1]", 3));
        Assert.NotEqual(seeds[3], ZooExperiment.Fresh(1, "b", "add[n=1]", 3));
    }

    [Fact]
    public void A_faulty_backend_is_right_outside_its_operation()
    {
        OperationCase c = OperationCase.Parse("softmax[t=3,n=67]");
        Assert.Equal(Verdict.Bits, CallHarness.Run(c, new FaultyBackend("zero-output"), new HarnessOptions()).Verdict);
    }

    [Fact]
    public void The_chain_in_whole_numbers_is_the_unit_s()
    {
        OperationCase c = OperationCase.Parse("scaled_linear[t=3,n=5,k=512,map=logspread]");
        CaseTensors tensors = c.Prepare();
        byte[] x = tensors["x"].AsReadOnlySpan<byte>().ToArray(), w = tensors["weight"].AsReadOnlySpan<byte>().ToArray();
        for (int i = 0; i < 15; i++)
        {
            byte[] a = x[(i % 3 * 512)..(i % 3 * 512 + 512)], b = w[(i / 3 * 512)..(i / 3 * 512 + 512)];
            uint unit = TensorCore.HopperWgmmaE4M3F32.Define(Array.ConvertAll(a, v => (uint)v), Array.ConvertAll(b, v => (uint)v), 0x40490000);
            Assert.Equal(unit, BitConverter.SingleToUInt32Bits(HopperChain.AsMeasured.Sum(a, b, BitConverter.UInt32BitsToSingle(0x40490000))));
        }
    }

    [Fact]
    public void The_loops_that_variants_change_are_the_contract_s_as_they_stand()
    {
        foreach (string c in (string[])["quantize[t=9,k=300]", "quantize[t=130,k=140,scales=ue8m0,tile=block128x128]"])
            Assert.Equal(Verdict.Bits, Judge(c, Variant.Of<QuantizeCall>("loop", ".", [c], (q, _) => new QuantiserLoop().Run(q))));
        foreach (string c in (string[])["gate[t=16,e=64,k=8,groups=8,kept=4]", "gate[t=16,e=32,k=4,groups=8,kept=4,map=tie]", "gate[t=5,e=24,k=4,groups=8,kept=3,groupscore=max,mask=zero]"])
            Assert.Equal(Verdict.Bits, Judge(c, Variant.Of<GateCall>("loop", ".", [c], (g, _) => new GateLoop().Run(g))));
    }

    [Fact]
    public void The_verb_reports_bugs_alarms_and_peers()
    {
        Outcome outcome = CommandLine.Run("lab", "zoo", "--filter", "^(silu-bf16|sum-sequential)$", "--seeds", "2", "--legitimate", "4", "--json").Passes();
        Assert.Equal(1, outcome.Json.GetProperty("bugs").GetInt32());
        Assert.Equal(1, outcome.Json.GetProperty("caught").GetInt32());
        Assert.Equal(4, outcome.Json.GetProperty("legitimate").GetInt32());
        Assert.Equal(0, outcome.Json.GetProperty("falseAlarms").GetInt32());
        System.Text.Json.JsonElement bug = outcome.Json.GetProperty("results")[0];
        Assert.True(bug.GetProperty("allclose").GetBoolean());
        Assert.True(bug.GetProperty("calc_diff").GetBoolean());
        Assert.False(bug.GetProperty("nmse").GetBoolean());
        Assert.InRange(bug.GetProperty("relative_l2").GetDouble(), 1e-3, 1e-2); // a rounding to eight bits: up to 2^-9
    }

    [Fact]
    public void The_verb_lists_names_and_refuses_what_it_cannot_run()
    {
        Assert.Contains("faulty:promotion-512", CommandLine.Run("lab", "zoo", "--list").Passes().Out, StringComparison.Ordinal);
        CommandLine.Run("lab", "zoo", "--seeds", "100001").RefusesWith(2, "--seeds 100001");
        CommandLine.Run("lab", "zoo", "--budget", "0").RefusesWith(2, "--budget 0");
        Assert.Equal(ExitCode.NothingRan, CommandLine.Run("lab", "zoo", "--filter", "^nothing$").Exit);
        CommandLine.Run("verify", "--backend", "faulty:nothing").RefusesWith(2, "no faulty backend is named 'nothing'", "dsref lab zoo --list");
        foreach (string verb in (string[])["verify", "shrink"])
            CommandLine.Run(verb, "linear[t=3,n=13,k=67]", "--backend", "faulty:promotion").RefusesWith(2, "the nearest is faulty:promotion-256");
    }

    private static Verdict Judge(string c, Variant variant) => CallHarness.Run(OperationCase.Parse(c), new FaultyBackend(variant), new HarnessOptions()).Verdict;

    private static string Section(string page, string heading)
    {
        int start = page.IndexOf(heading, StringComparison.Ordinal), end = page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? page[start..] : page[start..end];
    }

    [GeneratedRegex(@"^\| `([a-z0-9-]+)` \|", RegexOptions.Multiline)]
    private static partial Regex NameCells();
}
