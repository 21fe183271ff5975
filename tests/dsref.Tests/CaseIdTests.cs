using DeepSeek.Reference.Verification;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>A case's text is its id, its filter and its repro line.</summary>
public sealed class CaseIdTests
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz";

    private static Gen<string> Word(string first, string rest) =>
        from head in Gen.Elements(first.ToCharArray())
        from tail in Gen.ArrayOf(Gen.Elements(rest.ToCharArray()))
        select head + new string(tail);

    private static Gen<CaseId> Ids =>
        from name in Word(Letters, Letters + "0123456789_")
        from keys in Gen.ArrayOf(Word(Letters, Letters + "0123456789_"))
        from values in Gen.ArrayOf(Word(Letters + "0123456789-+./:_", Letters + "0123456789-+./:_"), keys.Length)
        select new CaseId(name, keys.Distinct().Zip(values, (k, v) => new KeyValuePair<string, string>(k, v)));

    [Property]
    public Property Any_id_parses_back_to_itself() => Prop.ForAll(Ids.ToArbitrary(), id => CaseId.Parse(id.ToString()).Equals(id));

    [Property]
    public Property Case_and_blanks_do_not_matter() => Prop.ForAll(Ids.ToArbitrary(), id =>
        CaseId.Parse("  " + id.ToString().ToUpperInvariant().Replace(",", " , ", StringComparison.Ordinal).Replace("=", " = ", StringComparison.Ordinal) + " ").Equals(id));

    [Fact]
    public void The_order_of_arguments_does_not_matter() => Assert.All(CaseCatalogue.All, c =>
    {
        for (int turn = 1; turn < c.Id.Arguments.Count; turn++)
        {
            var turned = new CaseId(c.Id.Name, c.Id.Arguments.Skip(turn).Concat(c.Id.Arguments.Take(turn)));
            Assert.Equal(c.ToString(), OperationCase.From(turned).ToString());
        }
    });

    [Fact]
    public void Every_catalogue_id_is_canonical() =>
        Assert.All(CaseCatalogue.All, c => Assert.Equal(c.ToString(), OperationCase.Parse(c.ToString()).ToString()));

    [Fact]
    public void What_is_at_its_default_is_left_out() => Assert.Equal(
        "linear[t=1,n=2,k=3]",
        OperationCase.Parse("linear[k=3,n=2,t=1,x=f32,weight=f32,y=f32,sum=lanes16,map=bell,contract=canonical,seed=42]").ToString());

    [Fact]
    public void A_contract_gives_the_defaults() => Assert.Equal(
        "rms_norm[t=1,n=2,y=f32,contract=huggingface]",
        OperationCase.Parse("rms_norm[t=1,n=2,x=bf16,weight=bf16,y=f32,rounding=beforeweight,contract=huggingface]").ToString());

    [Theory]
    [InlineData("", "column 1")]
    [InlineData("linear[t=1", "column 11: the closing ']' is missing")]
    [InlineData("linear[t=1,t=2]", "column 12: the key 't' occurs twice")]
    [InlineData("linear[t]", "column 8: 't' is not of the form key=value")]
    [InlineData("linear[t=]", "column 10")]
    [InlineData("linear[t=a b]", "'a b' is not a value")]
    [InlineData("linear[T!=1]", "is not a name for a key")]
    [InlineData("9[t=1]", "is not a name for an operation")]
    public void A_text_that_is_no_id_is_refused_with_its_column(string text, string says) =>
        Assert.Contains(says, Assert.Throws<CaseException>(() => CaseId.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("convolution[n=1]", "no operation is named 'convolution'")]
    [InlineData("linear[t=1,n=2]", "k: this size is missing")]
    [InlineData("linear[t=1,n=2,k=-3]", "'-3' is not a whole number")]
    [InlineData("linear[t=1,n=2,k=99999999]", "0 to 16777216")]
    [InlineData("linear[t=1,n=2,k=3,x=f16]", "neither f32 nor bf16")]
    [InlineData("linear[t=1,n=2,k=3,sum=pairwise]", "none of lanes16, sequential, exact, float64")]
    [InlineData("linear[t=1,n=2,k=3,map=cauchy]", "not a value map")]
    [InlineData("linear[t=1,n=2,k=3,contract=vllm]", "no contract is named 'vllm'")]
    [InlineData("linear[t=1,n=2,k=3,seed=x]", "not a whole number of 64 bits")]
    [InlineData("linear[t=1,n=2,k=3,eps=1]", "'linear' has no 'eps'")]
    [InlineData("rope[t=1,h=1,d=4,dr=6]", "must be even and no more than d=4")]
    [InlineData("attention[s=1,t=1,h=4,hk=2,d=2,dv=2]", "2 key heads")]
    [InlineData("dispatch[t=1,d=1,e=2,k=3]", "cannot be chosen among e=2")]
    public void An_id_that_is_no_case_is_refused_with_its_key(string text, string says) =>
        Assert.Contains(says, Assert.Throws<CaseException>(() => OperationCase.Parse(text)).Message, StringComparison.Ordinal);
}
