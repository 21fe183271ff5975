using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.House;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops.Contracts;

/// <summary>golden/hardware/h100/flash-mla: what FlashMLA's kernel for dense decoding gave on an H100, against <see cref="AttentionContract.FlashMlaHopper"/>, in every bit.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class FlashMlaHardwareTests
{
    private static readonly string Folder = Golden.Path("hardware", "h100", "flash-mla");

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.safetensors").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Rule_N23_FlashMlaHopper_has_every_bit_of_the_kernel(string file)
    {
        using Kept kept = Kept.Open(file);
        (Tensor y, Tensor lse) = kept.Run(AttentionContract.FlashMlaHopper, new SimdBackend());
        Assert.Equal(kept.File.Get("y").AsBytes(), y.AsBytes());
        Assert.Equal(kept.File.Get("log_sum_exp").AsBytes(), lse.AsBytes());
    }

    [Theory]
    [InlineData("s1.t129.h16.safetensors")]
    [InlineData("s2.t65.h16.safetensors")]
    public void Rule_N23_so_has_the_definition(string file)
    {
        using Kept kept = Kept.Open(file);
        (Tensor y, Tensor lse) = kept.Run(AttentionContract.FlashMlaHopper, new ScalarBackend());
        Assert.Equal(kept.File.Get("y").AsBytes(), y.AsBytes());
        Assert.Equal(kept.File.Get("log_sum_exp").AsBytes(), lse.AsBytes());
    }

    /// <summary>The scheduler cuts the keys as the kernel's own did: the number of splits of each file.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void Rule_N23_the_keys_are_cut_as_the_kernel_cut_them(string file)
    {
        using Kept kept = Kept.Open(file);
        Assert.Equal([0, SplitSchedule.Of([kept.T], kept.Parts).Of(0).Count], kept.File.Get("num_splits").AsReadOnlySpan<int>().ToArray());
    }

    /// <summary>What each part of the contract decides: with another in its place, bits are missed.</summary>
    [Fact]
    public void Rule_N23_no_other_contract_has_these_bits()
    {
        using Kept kept = Kept.Open("s2.t4096.h128.safetensors");
        AttentionContract right = AttentionContract.FlashMlaHopper;
        AttentionContract[] wrong =
        [
            right with { Functions = AttentionFunctions.Correct }, right with { Schedule = AttentionSchedule.Online }, right with { QueryKey = AttentionContract.Canonical.QueryKey },
        ];
        foreach (AttentionContract contract in wrong)
        {
            (Tensor y, _) = kept.Run(contract, new SimdBackend());
            Assert.False(kept.File.Get("y").AsBytes().SequenceEqual(y.AsBytes()), contract.ToString());
        }
    }

    /// <summary>A kept result with the call that gave it: the inputs are those of the case of all heads, of which every so many-th was kept.</summary>
    private sealed class Kept : IDisposable
    {
        private readonly int s;
        private readonly int h;
        private readonly int each;
        private readonly float scale;

        private Kept(SafetensorsFile file)
        {
            File = file;
            (s, T, h, Parts, each) = (Whole("s"), Whole("t"), Whole("h"), Whole("parts"), Whole("every_head"));
            scale = float.Parse(file.Metadata["scale"], CultureInfo.InvariantCulture);
        }

        public SafetensorsFile File { get; }

        public int T { get; }

        public int Parts { get; }

        public static Kept Open(string name) => new(SafetensorsFile.Open(Path.Combine(Folder, name)));

        public (Tensor Y, Tensor LogSumExp) Run(AttentionContract contract, IBackend backend)
        {
            string id = FormattableString.Invariant(
                $"attention[s={s},t={T},h={h},hk=1,d=576,dv=512,latent=yes,q=bf16,keys=bf16,y=bf16,lse=yes,scale={scale},schedule=flashmlahopper,parts={Parts}]");
            CaseTensors tensors = OperationCase.Parse(id).Prepare();
            int kept = h / each;
            var q = new Tensor(DType.BF16, s, kept, 576);
            ReadOnlySpan<ushort> all = tensors["q"].AsReadOnlySpan<ushort>();
            for (int row = 0; row < s * kept; row++)
                all.Slice((row / kept * h + row % kept * each) * 576, 576).CopyTo(q.AsSpan<ushort>()[(row * 576)..]);
            var y = new Tensor(DType.BF16, s, kept, 512);
            var lse = new Tensor(DType.F32, s, kept);
            backend.Attention(q, tensors["keys"], null, new AttentionAttributes(scale, T - s, contract with { Parts = Parts }), y, lse);
            return (y, lse);
        }

        public void Dispose() => File.Dispose();

        private int Whole(string key) => int.Parse(File.Metadata[key], CultureInfo.InvariantCulture);
    }
}
