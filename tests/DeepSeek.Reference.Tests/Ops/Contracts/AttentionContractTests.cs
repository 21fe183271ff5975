using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Contracts;

/// <summary>Rule N23: what a contract may say, and that each definition is the one it names.</summary>
public class AttentionContractTests
{
    private static readonly IBackend[] backends = [new ScalarBackend(), new SimdBackend(2)];

    public static TheoryData<AttentionContract, string> Refused => new()
    {
        { AttentionContract.FlashMlaSm90 with { Block = 128 }, "alone" },
        { AttentionContract.Canonical with { Split = KeySplit.Even }, "Block is 0" },
        { AttentionContract.Canonical with { Parts = 2 }, "need a Split" },
        { AttentionContract.Canonical with { Partials = DType.BF16 }, "need a Split" },
        { AttentionContract.Canonical with { Block = 64 }, "no blocks" },
        { AttentionContract.Canonical with { Schedule = AttentionSchedule.Online }, "denominator after" },
        { AttentionContract.FlashMlaDense with { Denominator = WeightSum.Rounded, Weights = DType.F32, WeightValue = Accumulation.Lanes16 }, "not rounded" },
        { AttentionContract.DeepSeekInference with { Denominator = WeightSum.Rounded }, "after the division" },
        { AttentionContract.DeepSeekInference with { Scaling = ScoreScaling.AfterMaximum }, "BeforeMaximum" },
        { AttentionContract.FlashMlaDense with { Block = 12 }, "multiple of 8" },
        { AttentionContract.FlashMlaDense with { Base = SoftmaxBase.E, Functions = new TruncatedExp2() }, "never calls truncated" },
        { AttentionContract.FlashMlaDense with { Weights = DType.F32 }, "takes bfloat16" },
        { AttentionContract.FlashMlaDense with { QueryKey = Accumulation.TensorCore(TensorCore.HopperWgmmaE4M3F32) }, "bfloat16 into binary32" },
        { AttentionContract.FlashMlaDense with { Scaling = ScoreScaling.BeforeMaximum, MaskValue = -1e9f }, "not below" },
        { AttentionContract.Canonical with { Weights = DType.F16 }, "F32, BF16 or F8_E4M3" },
        { AttentionContract.Canonical with { MaskValue = float.NaN }, "MaskValue" },
        { AttentionContract.Canonical with { InitialMaximum = 0f }, "InitialMaximum" },
        { AttentionContract.Canonical with { Block = -1 }, "block" },
        { AttentionContract.FlashMlaDense with { Parts = 0 }, "parts" },
        { AttentionContract.Canonical with { Order = (WeightOrder)9 }, "WeightOrder" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Rule_N23_what_no_kernel_could_mean_is_refused(AttentionContract contract, string why) =>
        Assert.Contains(why, Assert.ThrowsAny<ReferenceException>(contract.Validate).Message, StringComparison.Ordinal);

    [Property(MaxTest = 60)]
    public void Rule_N23_one_split_combined_is_the_row_unsplit(int seed)
    {
        var c = new ContractCase(seed);
        AttentionContract unsplit = AttentionContract.FlashMlaDense with { Split = KeySplit.None, Combine = default };
        AttentionContract even = AttentionContract.FlashMlaDense with { Split = KeySplit.Even, Parts = 1, Combine = c.Any(Enum.GetValues<CombineOrder>()) };
        foreach (IBackend backend in backends)
        {
            uint[] bits = c.Run(backend, unsplit);
            Assert.Equal(bits, c.Run(backend, AttentionContract.FlashMlaDense with { Parts = 1 }));
            Assert.Equal(bits, c.Run(backend, even));
        }
    }

    [Fact]
    public void Rule_N23_presets_are_named_and_each_means_something()
    {
        foreach (AttentionContract preset in AttentionContract.Presets)
        {
            Assert.Same(preset, AttentionContract.Parse(preset.Name.ToUpperInvariant()));
            preset.Validate();
        }

        Assert.Contains("FlashMlaDense", Assert.Throws<ContractException>(() => AttentionContract.Parse("flash")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_N23_the_page_lists_every_field()
    {
        string page = House.Repository.ReadText("docs", "spec", "attention-contract.md");
        foreach (System.Reflection.PropertyInfo field in typeof(AttentionContract).GetProperties().Where(p => p.Name != "Name" && p.SetMethod is { IsStatic: false }))
            Assert.Contains($"\n| {field.Name} | ", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_N23_a_call_that_the_contract_cannot_take_is_refused()
    {
        Tensor wide = new(DType.F32, 1, 1, 4), narrow = new(DType.BF16, 1, 1, 4), y = new(DType.F32, 1, 1, 4);
        foreach (IBackend backend in backends)
        {
            void Refuses(string why, Tensor x, AttentionAttributes attributes) =>
                Assert.Contains(why, Assert.Throws<ContractException>(() => backend.Attention(x, x, null, attributes, y)).Message, StringComparison.Ordinal);

            Refuses("takes q and keys of BF16", wide, new(1f, 0, AttentionContract.FlashMlaDense));
            Refuses("takes values of BF16", wide, new(1f, 0, AttentionContract.FlashMlaDense with { QueryKey = Accumulation.Exact }));
            Refuses("scale above 0", narrow, new(-1f, 0, AttentionContract.FlashMlaDense));
            Refuses("larger scale", narrow, new(1e-4f, 0, AttentionContract.FlashMlaDense));
            Refuses("says roundings", narrow, new(1f, 0, AttentionRounding.EveryStep, 0, Accumulation.Lanes16, AttentionContract.Canonical));
            Refuses("says roundings", narrow, new(1f, 0, AttentionRounding.None, 0, Accumulation.Exact, AttentionContract.Canonical));
            Refuses("need a Split", narrow, new(1f, 0, AttentionContract.Canonical with { Parts = 3 }));
        }
    }

    [Property(MaxTest = 60)]
    public void Rule_N23_the_dialects_of_rule_N10_keep_their_bits(int seed)
    {
        var data = new AttentionCase(seed);
        AttentionContract contract = data.Attributes.Rounding switch
        {
            AttentionRounding.None => AttentionContract.Canonical,
            AttentionRounding.Probabilities => AttentionContract.Canonical with { Name = "Probabilities", Weights = DType.BF16 },
            _ => AttentionContract.DeepSeekInference,
        };
        data.Attributes = data.Attributes with { Accumulation = Accumulation.Lanes16 };
        uint[] expected = data.Run(backends[0]);
        data.Attributes = data.Attributes with { Rounding = AttentionRounding.None, Contract = contract };
        foreach (IBackend backend in backends)
            Assert.Equal(expected, data.Run(backend));
    }

    [Property(MaxTest = 60)]
    public void Rule_N23_the_general_definition_agrees_with_rule_N10(int seed)
    {
        var data = new ContractCase(seed);
        AttentionContract contract = data.Any([AttentionContract.Canonical, AttentionContract.DeepSeekInference, AttentionContract.Canonical with { Weights = DType.BF16 }]);
        Assert.Equal(data.Run(backends[0], contract), data.RunGeneral(contract));
    }

    [Property(MaxTest = 40)]
    public void Rule_N23_the_general_definition_agrees_with_that_of_FlashMlaDense(int seed)
    {
        var data = new ContractCase(seed);
        Accumulation[] sums = [Accumulation.Lanes16, Accumulation.Sequential, Accumulation.Float64, Accumulation.TensorCore(TensorCore.HopperWgmmaBF16F32)];
        AttentionContract contract = AttentionContract.FlashMlaDense with { QueryKey = data.Any(sums), WeightValue = data.Any(sums), Parts = data.Any([1, 2, 9]), Functions = data.Any([AttentionFunctions.Correct, AttentionFunctions.HopperFastMath]) };
        Assert.Equal(data.Run(backends[0], contract), data.RunGeneral(contract));
    }

    [Property(MaxTest = 60)]
    public void Rule_N23_simd_equals_the_definition_in_every_bit(int seed)
    {
        var data = new ContractCase(seed, mostKeys: 100);
        AttentionContract contract = data.Any([data.AnyContract(), data.AnyContract(), AttentionContract.FlashMlaDense, AttentionContract.FlashMlaSm90, AttentionContract.FlashMlaHopper]);
        uint[] expected = data.Run(backends[0], contract);
        foreach (int threads in new[] { 1, 2, 7 })
            Assert.True(expected.AsSpan().SequenceEqual(data.Run(new SimdBackend(threads), contract)), $"{threads} threads: {data} {contract}");
    }

    [Fact]
    public void Rule_N23_the_twin_of_the_decoders_equals_them_at_DeepSeek_V3s_widths()
    {
        // 17 heads are two pieces of rows, of 16 and of 1; 449 keys are two splits, whose last block holds one key, which the causal mask hides.
        static uint[] Run(IBackend backend, AttentionContract contract)
        {
            var random = new Random(449);
            Tensor Values(params ReadOnlySpan<long> shape)
            {
                var t = new Tensor(DType.F32, shape);
                foreach (ref float x in t.AsSpan<float>())
                    x = (random.NextSingle() - 0.5f) * MathF.ScaleB(1f, random.Next(-2, 2));
                return t.As(DType.BF16);
            }

            Tensor y = new(DType.F32, 1, 17, 512), lse = new(DType.F32, 1, 17);
            backend.Attention(Values(1, 17, 576), Values(449, 1, 576), null, new AttentionAttributes(0.1352337f, 447, contract), y, lse);
            return [.. y.Bits(), .. lse.Bits()];
        }

        foreach (AttentionContract preset in new[] { AttentionContract.FlashMlaDense, AttentionContract.FlashMlaSm90 })
            Assert.Equal(Run(backends[0], preset with { Parts = 2 }), Run(backends[1], preset with { Parts = 2 }));
    }

    [Fact]
    public void Rule_N23_exp2_is_the_contracts()
    {
        Tensor q = Tensor.From([1f], 1, 1, 1).As(DType.BF16), keys = Tensor.From([1f, 3f], 2, 1, 1).As(DType.BF16);
        foreach (AttentionContract preset in new[] { AttentionContract.FlashMlaDense, AttentionContract.FlashMlaSm90 })
        {
            // w_0 = 2^-1.4427 = 3EBC5AB3 becomes 3EBC0000 = 0.3671875, which the denominator sees: y = (0.3671875 + 3) / 1.3671875.
            var y = new Tensor(DType.F32, 1, 1, 1);
            backends[0].Attention(q, keys, null, new AttentionAttributes(0.5f, 1, preset with { Functions = new TruncatedExp2() }), y);
            Assert.Equal([BitConverter.SingleToUInt32Bits(3.3671875f / 1.3671875f)], y.Bits());
        }
    }

    /// <summary>2^x cut to bfloat16: a stand-in for a unit that is not correctly rounded.</summary>
    private sealed class TruncatedExp2 : AttentionFunctions
    {
        public override string Name => "truncated";

        public override float Exp2(float x) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(Correct.Exp2(x)) & 0xFFFF0000);
    }
}
