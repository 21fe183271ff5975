using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.TensorCores;

/// <summary>Rule N20: the vectors decide every constant of the model. A model that is wrong in one of them misses as many lines of a file as the table says.</summary>
public sealed class WrongModelTests
{
    /// <summary>Lines missed; "." where the change is none for the unit, 0 where the file cannot tell.</summary>
    private const string Table = """
        wrong model            wgmma_e4m3_f32 wgmma_e5m2_f32 wgmma_bf16_f32 wgmma_fp16_f32 wgmma_tf32_f32 wgmma_e4m3_f16 wgmma_e5m2_f16 wgmma_fp16_f16
        one-bit-more           979            689            238            524            370            141            65             25
        one-bit-less           1713           1190           402            913            614            266            100            27
        aligned-to-nearest     1520           1095           288            698            432            175            71             28
        aligned-downward       2180           1780           595            1533           901            411            236            65
        products-normalised    425            227            122            293            152            76             15             15
        accumulator-after      2267           2086           733            911            853            274            314            238
        block-split            519            302            363            722            529            262            173            242
        subnormals-flushed     825            310            300            340            301            356            151            155
        output-rounded-other   254            204            514            746            700            387            269            501
        output-one-bit-less    1144           910            865            1205           1037           411            289            470
        output-not-cut         514            416            .              .              .              .              .              .
        exact                  1425           1238           460            859            648            226            127            36
        zero-exponent-higher   0              0              0              0              4              0              0              0
        zero-exponent-lower    0              0              3              0              3              0              0              0
        zero-exponent-of-f16   5              10             416            16             350            0              0              0
        """;

    [Theory]
    [InlineData("wgmma_e4m3_f32")]
    [InlineData("wgmma_e5m2_f32")]
    [InlineData("wgmma_bf16_f32")]
    [InlineData("wgmma_fp16_f32")]
    [InlineData("wgmma_tf32_f32")]
    [InlineData("wgmma_e4m3_f16")]
    [InlineData("wgmma_e5m2_f16")]
    [InlineData("wgmma_fp16_f16")]
    public void Rule_N20_a_wrong_constant_misses_lines(string file)
    {
        TensorCore unit = TensorCore.Parse("hopper-" + file.Replace('_', '-'));
        string[][] rows = [.. Table.Split('\n').Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        int column = Array.IndexOf(rows[0], file) - 1; // the first heading is two words
        string[][] wrong = [.. rows.Skip(1).Where(row => row[column] != ".")];
        int[] missed = Missed("hopper_" + file, [.. wrong.Select(row => new UnitVectors(Wrong(unit, row[0])))]);
        Assert.Equal(wrong.Select(row => $"{row[0]} {row[column]}"), wrong.Zip(missed, (row, count) => $"{row[0]} {count}"));
    }

    [Theory]
    [InlineData("e4m3", "accumulator-in-the-sum", 161, 231)]
    [InlineData("e5m2", "accumulator-in-the-sum", 169, 217)]
    [InlineData("e4m3", "consecutive-halves", 0, 133)]
    [InlineData("e5m2", "consecutive-halves", 0, 109)]
    [InlineData("e4m3", "one-sum-of-32", 0, 93)]
    [InlineData("e5m2", "one-sum-of-32", 0, 79)]
    public void Rule_N20_the_emulated_instruction_is_told_from_a_native_one(string format, string wrong, int missed32, int missed16)
    {
        TensorCore unit = TensorCore.Parse($"hopper-mma-{format}-f32");
        TensorCore half = TensorCore.Parse($"hopper-mma-{format}-f16");
        int[] missed = Missed($"hopper_mmasync_{format}_emulated", [new UnitVectors(Wrong(unit, wrong), half), new UnitVectors(unit, Wrong(half, wrong))]);
        Assert.Equal([missed32, missed16], missed);
    }

    /// <summary>The unit with one constant changed.</summary>
    internal static TensorCore Wrong(TensorCore unit, string name) => name switch
    {
        "one-bit-more" => unit with { FractionBits = unit.FractionBits + 1 },
        "one-bit-less" => unit with { FractionBits = unit.FractionBits - 1 },
        "aligned-to-nearest" => unit with { Alignment = AlignmentRounding.NearestEven },
        "aligned-downward" => unit with { Alignment = AlignmentRounding.Downward },
        "products-normalised" => unit with { NormalisesProducts = true },
        "accumulator-after" => unit with { Entry = AccumulatorEntry.AddedAfter },
        "accumulator-in-the-sum" => unit with { Entry = AccumulatorEntry.InTheSum },
        "block-split" => unit with { FusedLength = unit.FusedLength / 2 },
        "consecutive-halves" => unit with { Order = FusedOrder.Consecutive },
        "one-sum-of-32" => unit with { Order = FusedOrder.Consecutive, FusedLength = 32 },
        "subnormals-flushed" => unit with { FlushesSubnormals = true },
        "output-rounded-other" => unit with { Rounding = unit.Rounding == OutputRounding.TowardZero ? OutputRounding.NearestEven : OutputRounding.TowardZero },
        "output-one-bit-less" => unit with { OutputFractionBits = unit.OutputFractionBits - 1 },
        "output-not-cut" => unit with { OutputFractionBits = unit.Accumulator.FractionBits },
        "exact" => unit with { FractionBits = 44 },
        "not-widened" => unit with { WidensTo = null },
        "zero-exponent-higher" => unit with { ZeroExponent = unit.ZeroExponent + 1 },
        "zero-exponent-lower" => unit with { ZeroExponent = unit.ZeroExponent - 1 },
        "zero-exponent-of-f16" => unit with { ZeroExponent = -21 },
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    private static int[] Missed(string file, UnitVectors[] kinds)
    {
        int[] missed = new int[kinds.Length];
        foreach (VectorLine line in VectorLines.ReadJson(Golden.Path("vectors", "dev", file + ".jsonl.gz")))
        {
            for (int i = 0; i < kinds.Length; i++)
                missed[i] += kinds[i].Check(line) is null ? 0 : 1;
        }

        return missed;
    }
}
