using System.IO.Compression;
using System.Security.Cryptography;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Tests.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary><c>dsref capture</c> on synthetic captures.</summary>
public sealed class CaptureTests(Models models) : IClassFixture<Models>
{
    private string NewPath => models.NewPath(".capture");

    [Fact]
    public void A_capture_of_the_model_agrees_and_says_that_it_is_synthetic()
    {
        string path = SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3);
        string text = CommandLine.Run("capture", path).Passes().Out;
        Assert.Contains("7168 of 7168 equal, hopper-wgmma-e4m3-f32 (synthetic, by a model of this library)", text, StringComparison.Ordinal);
        Assert.EndsWith("OK: 7168 of 7168 equal in 1 files, 1 of them synthetic; 0 files measured\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Disagreements_are_counted_by_kind_and_map_and_the_first_are_shown_with_their_operands()
    {
        string path = SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3, wrong: TensorCore.HopperWgmmaE4M3F32 with { Alignment = AlignmentRounding.Downward });
        Outcome outcome = CommandLine.Run("capture", path, "--differences", "1", "--explain");
        Assert.Equal(1, outcome.Exit);
        string[] lines = outcome.Out.Split('\n');
        Assert.Contains(lines, l => l.EndsWith("differ in value", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("  by map of elements: Codes ", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("  by map of addends: None ", StringComparison.Ordinal));
        Assert.Single(lines, l => l.Contains("differing bits 0x", StringComparison.Ordinal));
        string command = Assert.Single(lines, l => l.Contains("dsref mma --unit hopper-wgmma-e4m3-f32 --a ", StringComparison.Ordinal));
        Assert.Matches("--a [0-9a-f]{64} --b [0-9a-f]{64} --c [0-9a-f]{8} --explain$", command);
        string model = System.Text.RegularExpressions.Regex.Match(outcome.Out, "model (0x[0-9a-f]{8}), differing").Groups[1].Value;
        Assert.Contains(lines, l => l.StartsWith($"D = {model}", StringComparison.Ordinal));
        Assert.StartsWith("MISMATCH: ", lines[^2], StringComparison.Ordinal);
    }

    [Fact]
    public void Another_unit_may_be_tried()
    {
        string path = SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3, wrong: TensorCore.HopperMmaE4M3F32);
        Assert.Equal(1, CommandLine.Run("capture", path).Exit);
        CommandLine.Run("capture", path, "--unit", "hopper-mma-e4m3-f32").Passes();
        CommandLine.Run("capture", path, "--unit", "hopper-wgmma-bf16-f32").RefusesWith(2, "hopper-wgmma-bf16-f32", "does not take the operands");
        CommandLine.Run("capture", path, "--unit", "x").RefusesWith(2, "'x'");
    }

    [Fact]
    public void A_folder_is_searched_and_functions_without_a_model_never_fail()
    {
        string folder = Directory.CreateDirectory(models.NewPath()).FullName;
        string inner = Directory.CreateDirectory(Path.Combine(folder, "inner")).FullName;
        Assert.Equal(3, CommandLine.Run("capture", folder).Exit);
        SyntheticCapture.Scalars(Path.Combine(inner, "tanh.capture"), "function", "tanh.approx.f32", edges: false, 256, 4, 0x3F800000, 0x8000, (_, y) => y + 1);
        string plain = SyntheticCapture.Dots(NewPath, "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32");
        using (var gzip = new GZipStream(File.Create(Path.Combine(folder, "tf32.capture.gz")), CompressionLevel.Fastest))
            gzip.Write(File.ReadAllBytes(plain));
        string text = CommandLine.Run("capture", folder).Passes().Out;
        Assert.Contains("0 of 256 equal, tanh.approx.f32 against the correctly rounded value", text, StringComparison.Ordinal);
        Assert.Contains("largest distance 1 units in the last place", text, StringComparison.Ordinal);
        Assert.Contains("OK: 7168 of 7168 equal in 1 files, 2 of them synthetic; 1 files measured", text, StringComparison.Ordinal);

        SyntheticCapture.Scalars(Path.Combine(inner, "rcp.capture"), "function", "rcp.approx.ftz.f32", edges: false, 256, 4, 0x3F800000, 0x8000, (i, y) => i == 5 ? y + 1 : y);
        Outcome judged = CommandLine.Run("capture", folder);
        Assert.Equal(1, judged.Exit);
        Assert.Contains("MISMATCH: 7423 of 7424 equal in 2 files", judged.Out, StringComparison.Ordinal);
    }

    /// <summary>Digests of results written out here, of four, two and one byte; and of a function that nothing is expected of.</summary>
    [Fact]
    public void A_sweep_s_digests_are_the_model_s_or_another_s()
    {
        const int count = 70_000; // more than the reader evaluates at once
        string[] lines =
        [
            "# synthetic, by a test",
            "cvt.rna.tf32.f32 0x3f7ff000 70000 " + Digest(count, i => BitConverter.GetBytes(0x3F7FF000u + (uint)i + 0x1000 & ~0x1FFFu)),
            "",
            "cvt.rn.bf16.f32 0xffff0000 70000 " + Digest(count, i => BitConverter.GetBytes(i < 65536 ? (ushort)0x7FFF : (ushort)(i - 65536 + 0x7FFF >> 16))),
            "cvt.rn.satfinite.e4m3x2.f32 0x7f7fffff 70000 " + Digest(count, i => [i < 2 ? (byte)0x7E : (byte)0x7F]),
            "tanh.approx.f32 0x00000000 268435456 " + new string('0', 64),
        ];
        string path = models.Write(string.Join('\n', lines), ".sweep");
        string text = CommandLine.Run("capture", path, "--threads", "2").Passes().Out;
        Assert.Contains("210000 of 210000 equal, cvt.rna.tf32.f32, cvt.rn.bf16.f32, cvt.rn.satfinite.e4m3x2.f32, tanh.approx.f32 (synthetic, by a test)", text, StringComparison.Ordinal);
        Assert.Contains("  3 of 3 digests equal; 1 of functions without a model\n", text, StringComparison.Ordinal);

        string wrong = models.Write(string.Join('\n', lines).Replace("0x3f7ff000", "0x3f800000", StringComparison.Ordinal), ".sweep");
        Outcome outcome = CommandLine.Run("capture", path, wrong);
        Assert.Equal(1, outcome.Exit);
        Assert.Contains("  2 of 3 digests equal; 1 of functions without a model\n", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("  cvt.rna.tf32.f32: another digest of the 70000 arguments from 0x3f800000", outcome.Out, StringComparison.Ordinal);
        Assert.Contains("MISMATCH: 350000 of 420000 equal in 2 files, 2 of them synthetic; 0 files measured", outcome.Out, StringComparison.Ordinal);

        static string Digest(int count, Func<int, byte[]> result) => Convert.ToHexStringLower(SHA256.HashData([.. Enumerable.Range(0, count).SelectMany(result)]));
    }

    [Fact]
    public void A_line_that_is_no_digest_is_named()
    {
        string good = "ex2.approx.f32 0x00000000 1 " + new string('a', 64);
        Refuses("# nothing", "holds no line INSTRUCTION FIRST COUNT SHA256");
        Refuses(good + "\nex2.approx.f32 0 1 " + new string('a', 64), ":2: is no line");
        Refuses(good.Replace(" 1 ", " 0 ", StringComparison.Ordinal), ":1: is no line");
        Refuses(good.Replace(" 1 ", " 268435457 ", StringComparison.Ordinal), ":1: is no line");
        Refuses(good[..^1], ":1: is no line");
        Refuses(good.ToUpperInvariant(), ":1: is no line");
        Refuses(good.Replace("ex2", "sin", StringComparison.Ordinal), "sin.approx.f32, for which nothing is expected");
        CommandLine.Run("capture", models.NewPath(".sweep")).RefusesWith(2, "no such file");

        void Refuses(string text, string says)
        {
            string path = models.Write(text, ".sweep");
            CommandLine.Run("capture", path).RefusesWith(2, path, says);
        }
    }

    [Fact]
    public void What_is_no_capture_is_named()
    {
        string text = models.Write("{}", ".capture");
        CommandLine.Run("capture", text).RefusesWith(2, text, "does not begin with DSREFCAP");
        CommandLine.Run("capture", models.NewPath()).RefusesWith(2, "no such file");
        string cut = SyntheticCapture.Dots(NewPath, SyntheticCapture.WgmmaE4M3);
        File.WriteAllBytes(cut, File.ReadAllBytes(cut)[..^5]);
        CommandLine.Run("capture", cut).RefusesWith(2, cut, "is cut short", "checksum");
        CommandLine.Run("capture", cut, "--differences", "-1").RefusesWith(2, "--differences -1");
    }
}
