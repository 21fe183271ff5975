using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Training;
using Xunit;

namespace DeepSeek.Reference.Tests.Training;

/// <summary>Each cast of a recipe by its name: that it is done, in which format, and that the bits depend on it.</summary>
public class CastTests
{
    private const CastPoint FirstOfFp8 = CastPoint.FpropWeight;

    public static TheoryData<CastPoint> Points => [.. Enum.GetValues<CastPoint>()];

    public static TheoryData<CastPoint> PointsOfBF16 => [.. Enum.GetValues<CastPoint>().Where(p => p < FirstOfFp8)];

    [Fact]
    public void The_pages_table_is_the_codes()
    {
        string page = DeepSeek.Reference.Tests.House.Repository.ReadText("docs", "spec", "training-precision.md");
        string[] rows = [.. page.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal) && line.Count(c => c == '|') == 5)];
        Assert.Equal(
            Enum.GetValues<CastPoint>().Select(p => $"{p}: {TrainingPrecision.BF16.FormatOf(p)}, {TrainingPrecision.Fp8.FormatOf(p)}"),
            rows.Select(row => row.Split(" | ")).Select(c => $"{c[0].Trim('|', ' ', '`')}: {c[2]}, {c[3].TrimEnd('|', ' ')}"));
    }

    [Fact]
    public void Binary32_casts_nothing()
    {
        Assert.All(Enum.GetValues<CastPoint>(), p => Assert.Equal(CastFormat.None, TrainingPrecision.Fp32.FormatOf(p)));
        Assert.Empty(Records(TrainingPrecision.Fp32));
    }

    [Fact]
    public void Every_cast_of_a_recipe_is_done_and_no_other()
    {
        Assert.Equal(Enum.GetValues<CastPoint>(), Records(TrainingPrecision.Fp8).Select(r => r.Point).Distinct().Order());
        Assert.Equal(Enum.GetValues<CastPoint>().Where(p => p < FirstOfFp8), Records(TrainingPrecision.BF16).Select(r => r.Point).Distinct().Order());
        Assert.All(Records(TrainingPrecision.Fp8), r => Assert.Equal(TrainingPrecision.Fp8.FormatOf(r.Point), r.Format));
    }

    /// <summary>A cast that is left out, or scaled otherwise, gives other gradients: a digest of the recipe holds each of them.</summary>
    [Theory]
    [MemberData(nameof(Points))]
    public void Another_cast_at_a_point_moves_bits(CastPoint point)
    {
        TrainingPrecision recipe = TrainingPrecision.Fp8;
        CastFormat here = recipe.FormatOf(point);
        CastFormat other = here.Kind switch
        {
            CastKind.BF16 => CastFormat.None,
            CastKind.E5M6 => CastFormat.E4M3(here.Tile, ScaleFormat.UE8M0),
            _ => here with { Scales = here.Scales == ScaleFormat.F32 ? ScaleFormat.UE8M0 : ScaleFormat.F32 },
        };
        Assert.NotEqual(PrecisionModel.Digest(PrecisionModel.Gradients(recipe)), PrecisionModel.Digest(PrecisionModel.Gradients(recipe.With(point, other))));
    }

    [Theory]
    [MemberData(nameof(PointsOfBF16))]
    public void A_rounding_to_bfloat16_that_is_left_out_moves_bits(CastPoint point) => Assert.NotEqual(
        PrecisionModel.Digest(PrecisionModel.Gradients(TrainingPrecision.BF16)), PrecisionModel.Digest(PrecisionModel.Gradients(TrainingPrecision.BF16.With(point, CastFormat.None))));

    /// <summary>Report, figure 6: input and weight to FP8 for Fprop, the output to BF16; the output's gradient to FP8 both ways, the input's to BF16; the weight's gradient stays.</summary>
    [Fact]
    public void A_projection_is_cast_as_figure_6_says()
    {
        const string Of = "model.layers.0.self_attn.q_b_proj.";
        Assert.Equal(
            [
                ("input", "E4M3 Row1x128 F32"), ("weight", "E4M3 Block128x128 F32"), ("output", "BF16"),
                ("output_gradient.wgrad", "E4M3 Column128x1 F32"), ("input.wgrad", "E4M3 Column128x1 F32"), ("output_gradient", "E4M3 Row1x128 F32"), ("input_gradient", "BF16"),
            ],
            Of1(Of));
    }

    /// <summary>Report 3.3.3: E5M6 for what attention's output is kept as, power-of-two scales wherever it is cast.</summary>
    [Fact]
    public void Attentions_output_is_kept_in_E5M6() => Assert.Equal(
        [
            ("input", "E4M3 Row1x128 UE8M0"), ("input.cache", "E5M6 Row1x128 UE8M0"), ("weight", "E4M3 Block128x128 F32"), ("output", "BF16"),
            ("output_gradient.wgrad", "E4M3 Column128x1 F32"), ("input.wgrad", "E4M3 Column128x1 UE8M0"), ("output_gradient", "E4M3 Row1x128 F32"), ("input_gradient", "BF16"),
        ],
        Of1("model.layers.0.self_attn.o_proj."));

    /// <summary>Report 3.3.3: what is dispatched has power-of-two scales, forward to gate_proj and up_proj, backward to down_proj; SwiGLU's inputs are kept as codes.</summary>
    [Fact]
    public void Experts_have_the_casts_of_dispatch()
    {
        const string Experts = "model.layers.1.mlp.experts.";
        CastRecord[] records = [.. Records(Plain).Where(r => r.Name.StartsWith(Experts, StringComparison.Ordinal))];
        Assert.All(records.Where(r => r.Name.EndsWith("gate_proj.input", StringComparison.Ordinal)), r => Assert.Equal(CastPoint.DispatchedInput, r.Point));
        Assert.All(records.Where(r => r.Name.EndsWith("down_proj.output_gradient", StringComparison.Ordinal)), r => Assert.Equal(CastPoint.DispatchedGradient, r.Point));
        Assert.All(records.Where(r => r.Name.EndsWith("down_proj.output_gradient.wgrad", StringComparison.Ordinal)), r => Assert.Equal(CastPoint.WgradDispatchedGradient, r.Point));
        Assert.Contains(records, r => r.Name == Experts + "gate_proj.output.cache" && r.Point == CastPoint.SwiGluInputCache);
        Assert.Contains(records, r => r.Name == Experts + "up_proj.output.cache" && r.Point == CastPoint.SwiGluInputCache);
    }

    /// <summary>Report 3.3.1: embedding, head, gate, norms and attention keep their precision. eh_proj too (rule N22).</summary>
    [Fact]
    public void Nothing_else_is_cast_to_FP8()
    {
        string[] projections = ["q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];
        Assert.All(Records(TrainingPrecision.Fp8).Where(r => r.Format.Kind is CastKind.E4M3 or CastKind.E5M6), r => Assert.Contains(projections, p => r.Name.Contains($".{p}.", StringComparison.Ordinal)));
    }

    /// <summary>Weights are cast once a pass, however many sequences it has.</summary>
    [Fact]
    public void A_weight_is_cast_once()
    {
        CastRecord[] weights = [.. Records(TrainingPrecision.Fp8, PrecisionModel.Rows).Where(r => r.Point is CastPoint.FpropWeight or CastPoint.Weight)];
        Assert.Equal(weights.Length, weights.Select(w => w.Name).Distinct().Count());
        Assert.Contains(weights, w => w.Name == "model.layers.1.mlp.experts.3.up_proj.weight");
    }

    /// <summary>A quotient of zeros is no code: a tile of zeros, or of values whose scale no binary32 holds, is zeros.</summary>
    [Theory]
    [InlineData(0f)]
    [InlineData(1e-45f)]
    public void A_tile_without_a_scale_is_zeros(float value)
    {
        Tensor x = Tensor.From(Enumerable.Range(0, 260).Select(i => i < 128 ? value : i).ToArray(), 1, 260);
        Quantized q = new Casts(TrainingPrecision.Fp8, new ScalarBackend()).Quantize(CastPoint.FpropInput, x, "m", "input");
        Assert.Equal(new byte[128], q.Codes.AsReadOnlySpan<Float8E4M3>()[..128].ToArray().Select(c => c.Bits));
        Assert.Equal(0f, q.Scales.AsReadOnlySpan<float>()[0]);
        Assert.Equal(255f / 448f, q.Scales.AsReadOnlySpan<float>()[1]);
        Assert.Equal(0x7E, q.Codes.AsReadOnlySpan<Float8E4M3>()[255].Bits);
    }

    private static TrainingPrecision Plain { get; } = TrainingPrecision.Fp8 with { Recompute = false };

    private static (string, string)[] Of1(string module) =>
        [.. Records(Plain).Where(r => r.Name.StartsWith(module, StringComparison.Ordinal)).Select(r => (r.Name[module.Length..], r.Format.ToString()))];

    private static List<CastRecord> Records(TrainingPrecision precision, int[][]? rows = null)
    {
        var records = new List<CastRecord>();
        PrecisionModel.Gradients(precision, rows: rows ?? [PrecisionModel.Rows[0]], observer: records.Add);
        return records;
    }
}
