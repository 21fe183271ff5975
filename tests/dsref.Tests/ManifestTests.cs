using System.Text;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>golden/manifest.jsonl: what it holds, and that every line comes out again.</summary>
public sealed class ManifestTests
{
    private static readonly GoldenManifest Manifest = new GoldenSource(null).Manifest();

    private static IEnumerable<(OperationCase Case, GoldenRecord Golden)> Operations =>
        Manifest.Records.Where(r => !r.Id.StartsWith("model[", StringComparison.Ordinal)).Select(r => (OperationCase.Parse(r.Id), r));

    [Fact]
    public void It_holds_the_whole_catalogue_and_nothing_else() =>
        Assert.Equal(CaseCatalogue.All.Select(c => c.ToString()), Operations.Select(o => o.Golden.Id));

    [Fact]
    public void Every_operation_has_quick_cases_with_a_witness() => Assert.All(Enum.GetValues<Operation>(), operation =>
        Assert.Contains(Operations, o => o.Case.Operation == operation && o.Golden.Level == CaseLevel.Quick && o.Golden.Witness.Contains("python")));

    [Fact]
    public void Every_contract_has_a_quick_case_of_every_operation_whose_attributes_it_decides()
    {
        Operation[] decided = [Operation.RmsNorm, Operation.Linear, Operation.Rope, Operation.AbsorbQuery, Operation.AbsorbOutput, Operation.Attention, Operation.SwiGlu, Operation.Gate, Operation.Combine];
        foreach (NumericContract contract in NumericContract.Presets)
        {
            Assert.All(decided, operation =>
                Assert.Contains(Operations, o => o.Case.Operation == operation && ForThese(o.Case.Contract) == ForThese(contract) && o.Golden.Level == CaseLevel.Quick));
        }
    }

    /// <summary>What a contract decides for these operations: FP8 products and the cache's format have operations of their own.</summary>
    private static NumericContract ForThese(NumericContract contract) =>
        contract with { Name = "", Fp8Product = null, Fp8Quantizer = default, Fp8Scales = default, Cache = default };

    [Fact]
    public void Quick_cases_cost_at_most_2_to_the_22_multiply_adds() =>
        Assert.All(Operations.Where(o => o.Golden.Level == CaseLevel.Quick), o => Assert.True(o.Case.MultiplyAdds <= 1 << 22));

    [Fact]
    public void Rule_N1_every_small_case_comes_out_of_the_definitions() => Assert.All(Operations.Where(o => o.Case.MultiplyAdds <= 1 << 18), o =>
        Assert.Equal(new OperationVerdict(o.Golden.Id, Verdict.Bits, "", default), OperationJudge.Judge(o.Case, o.Golden, new ScalarBackend()) with { Elapsed = default }));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Rule_N8_every_quick_case_comes_out_of_the_simd_backend_on_any_number_of_threads(int threads) => Assert.All(Operations.Where(o => o.Golden.Level == CaseLevel.Quick), o =>
        Assert.Equal(new OperationVerdict(o.Golden.Id, Verdict.Bits, "", default), OperationJudge.Judge(o.Case, o.Golden, new SimdBackend(threads)) with { Elapsed = default }));

    [Fact]
    public void Its_bytes_are_a_function_of_its_records()
    {
        byte[] bytes = Manifest.ToBytes();
        Assert.Equal(bytes, GoldenManifest.Parse(bytes, "again").ToBytes());
        Assert.Equal(bytes, new GoldenManifest(Manifest.Records.Reverse()).ToBytes());
    }

    [Fact]
    public void A_line_reads_as_documented() => Assert.Equal(
        """{"id":"cast[n=1]","level":"quick","contract":"Canonical","seed":"0x2a","inputs":{"x":{"map":"bell","dtype":"F32","shape":[1],"sha256":"X"}},"outputs":{"y":{"dtype":"BF16","shape":[1],"sha256":"Y"}},"witness":["python"]}""",
        GoldenManifest.Line(new GoldenRecord
        {
            Id = "cast[n=1]",
            Level = CaseLevel.Quick,
            Contract = "Canonical",
            Seed = 0x2a,
            Inputs = [new("x", new GoldenTensor("bell", DType.F32, new Shape(1), "X"))],
            Outputs = [new("y", new GoldenTensor(null, DType.BF16, new Shape(1), "Y"))],
            Witness = ["python"],
        }));

    [Theory]
    [InlineData("\"level\":\"quick\"", "\"level\":\"slow\"", "neither quick nor full")]
    [InlineData("\"seed\":\"0x2a\"", "\"seed\":\"42\"", "is not 0x and hexadecimal digits")]
    [InlineData("\"dtype\":\"F32\"", "\"dtype\":\"F33\"", "unknown dtype 'F33'")]
    [InlineData("\"sha256\":\"", "\"sha256\":\"zz", "64 lower-case hexadecimal digits")]
    [InlineData("\"witness\"", "\"wit\"", "stands where \"witness\" belongs")]
    [InlineData("{\"id\"", "[\"id\"", "line 1")]
    [InlineData("\n", "", "ends within a line")]
    public void A_damaged_line_is_refused_with_its_number(string from, string to, string says)
    {
        string line = GoldenManifest.Line(Operations.First(o => o.Golden.Id.StartsWith("cast[", StringComparison.Ordinal)).Golden) + "\n";
        byte[] damaged = Encoding.UTF8.GetBytes(line.Replace(from, to, StringComparison.Ordinal));
        string message = Assert.Throws<GoldenException>(() => GoldenManifest.Parse(damaged, "manifest.jsonl")).Message;
        Assert.Contains("manifest.jsonl, line 1", message, StringComparison.Ordinal);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_out_of_order_or_twice_are_refused()
    {
        byte[] line = Encoding.UTF8.GetBytes(GoldenManifest.Line(Manifest.Records[0]) + "\n");
        Assert.Contains("line 2", Assert.Throws<GoldenException>(() => GoldenManifest.Parse([.. line, .. line], "m")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rule_N15_a_digest_takes_any_NaN_for_the_canonical_one_and_zeros_by_their_sign()
    {
        Tensor quiet = Tensor.From([BitConverter.UInt32BitsToSingle(0x7FC00000)], 1);
        Tensor other = Tensor.From([BitConverter.UInt32BitsToSingle(0xFFC12345)], 1);
        Assert.Equal(CanonicalHash.Of(quiet), CanonicalHash.Of(other));
        Assert.Equal("0x7FC00000", CanonicalHash.ElementBits(other, 0));
        Assert.NotEqual(CanonicalHash.Of(Tensor.From([0f], 1)), CanonicalHash.Of(Tensor.From([-0f], 1)));

        // SHA-256 of the bytes 00 00 80 3f.
        Assert.Equal("e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c", CanonicalHash.Of(Tensor.From([1f], 1)));
    }

    [Fact]
    public void An_input_with_another_digest_is_a_damaged_golden_not_a_mismatch()
    {
        var (c, golden) = Operations.First(o => o.Case.Operation == Operation.Linear);
        var inputs = golden.Inputs.Select(i => new KeyValuePair<string, GoldenTensor>(i.Key, i.Value with { Sha256 = new string('0', 64) })).ToList();
        Assert.Throws<GoldenException>(() => OperationJudge.Judge(c, golden with { Inputs = inputs }, new ScalarBackend()));
    }

    [Fact]
    public void A_wrong_backend_fails_with_the_first_wrong_element_and_both_bits()
    {
        OperationCase c = OperationCase.Parse("linear[t=3,n=13,k=67]");
        OperationVerdict verdict = OperationJudge.Judge(c, Manifest.Find(c.ToString())!, new WrongLinear(2, 5));
        Assert.Equal(Verdict.Fail, verdict.Verdict);
        Assert.Matches(@"^y\[2, 5\] is 0x[0-9A-F]{8} on wrong, 0x[0-9A-F]{8} by definition$", verdict.Detail);
    }

    [Fact]
    public void A_backend_that_writes_nothing_fails()
    {
        OperationCase c = OperationCase.Parse("cast[n=515,x=f32,y=bf16]");
        Assert.Equal(Verdict.Fail, OperationJudge.Judge(c, Manifest.Find(c.ToString())!, new WrongLinear(0, 0)).Verdict);
    }

    [Fact]
    public void An_operation_that_a_backend_refuses_is_skipped_with_its_reason()
    {
        OperationCase c = OperationCase.Parse("softmax[t=3,n=67]");
        OperationVerdict verdict = OperationJudge.Judge(c, Manifest.Find(c.ToString())!, new WrongLinear(0, 0));
        Assert.Equal((Verdict.Skip, "not offered"), (verdict.Verdict, verdict.Detail));
    }
}
