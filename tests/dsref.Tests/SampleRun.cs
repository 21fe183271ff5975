using System.Globalization;
using DeepSeek.Reference.Tool.Reports;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A run that no backend made, larger than a real one, with every verdict and with texts that mean harm.</summary>
internal static class SampleRun
{
    /// <summary>Cases of the plain kind, all BITS.</summary>
    public const int Plain = 1440;

    /// <summary>Text that would end an element, an attribute, a string or a line, or open a script.</summary>
    public const string Hostile = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">&lt;&amp;'\"]]>\u2028\u0001\u001b[31m\ud83d\ude00\ud800";

    public static ReportRun Make() => new()
    {
        Backend = "./libkernels.so",
        Isa = "AVX-512",
        Level = "full",
        Version = "0.1.0",
        Date = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Elapsed = TimeSpan.FromSeconds(73.25),
        Weakest = Verdict.Noise,
        Missing = ["gate"],
        Exit = 1,
        Cases =
        [
            .. Enumerable.Range(0, Plain).Select(i => Case($"{(i % 3 == 0 ? "linear" : i % 3 == 1 ? "rms_norm" : "attention")}[t={i},n=64]", Verdict.Bits, CaseOutcome.Passed)),
            Case("scaled_linear[t=128,n=576,k=7168,contract=hopperfp8]", Verdict.Noise, CaseOutcome.Passed) with { Check = "rms", Proves = "bits on 279,000 of 29.4 M elements; a defect in 1 of 60,000 or more would be missed with p < 1%" },
            Case("scaled_linear[t=129,n=576,k=7168,contract=hopperfp8]", Verdict.Fail, CaseOutcome.Failed) with
            {
                Check = "rms, tile",
                Note = "y[64, 384]: RMS of the error is 4.1 times the emulation's in the last 128 columns",
                Proves = "T1 covered all",
                Parts = [new ReportPart { Name = "y", Verdict = "FAIL", Check = "rms, tile", Note = "first at [64, 384]", Figures = [new("bit-equal", "71,230 of 74,304"), new("relative L2", "3.1E-06"), new("max ulp", "41"), new("calc_diff", "9.6E-12")] }],
            },
            Case("softmax[t=3,n=65]", Verdict.Bound, CaseOutcome.Failed) with { Check = "bound", Note = "error/bound 0.61" },
            Case("add[n=17]", Verdict.Suspect, CaseOutcome.Failed) with { Check = "poison", Note = "12 of 17 elements still hold 0xA5" },
            Case(Hostile, Verdict.Fail, CaseOutcome.Failed) with { Family = Hostile, Check = Hostile, Note = Hostile, Proves = Hostile, Repro = Hostile, Parts = [new ReportPart { Name = Hostile, Verdict = "FAIL", Note = Hostile, Figures = [new(Hostile, Hostile)] }] },
            Case("combine[t=3,d=64,e=8,k=2]", Verdict.Fail, CaseOutcome.Crashed) with { Note = "the worker ended with signal 11" },
            Case("mtp_input[t=3,d=64]", Verdict.Skip, CaseOutcome.Skipped) with { Note = "the backend does not offer mtp_input" },
            Case("oracles/fp32_short", Verdict.Noise, CaseOutcome.Passed) with { Kind = "model", Family = "model oracles", Parts = [new ReportPart { Name = "logits", Verdict = "NOISE", Figures = [new("relative L2", "7.1E-07")] }, new ReportPart { Name = "logits_f64", Verdict = "info" }] },
            Case("directory", Verdict.Unjudged, CaseOutcome.Skipped) with { Kind = "model", Family = "model oracles" },
        ],
    };

    private static ReportCase Case(string id, Verdict verdict, CaseOutcome outcome) => new()
    {
        Id = id,
        Kind = "operation",
        Family = id.Split('[')[0],
        Verdict = verdict,
        Outcome = outcome,
        Elapsed = TimeSpan.FromMilliseconds(id.Length * 0.37),
        Repro = string.Create(CultureInfo.InvariantCulture, $"dsref verify \"{id}\" --backend ./libkernels.so"),
    };
}
