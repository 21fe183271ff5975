using DeepSeek.Reference.Layouts;
using FsCheck.Xunit;
using Xunit;

namespace DeepSeek.Reference.Tests.Tensors.Layouts;

/// <summary>What holds for every layout, whatever its parameters: packing and unpacking are inverse, and every byte is either an element's or padding.</summary>
public sealed class LayoutLawTests
{
    [Property(MaxTest = 400)]
    public void Unpacking_gives_back_every_bit(int seed)
    {
        var drawn = new DrawnLayout(seed);
        byte[] bytes = drawn.Layout.Pack(drawn.Tensor);
        Tensor back = drawn.Layout.Unpack(bytes, drawn.Tensor.DType, drawn.Tensor.Shape);
        Assert.Equal(drawn.Tensor.Shape, back.Shape);
        Assert.Equal(drawn.Tensor.DType, back.DType);
        Assert.True(drawn.Tensor.AsBytes().SequenceEqual(back.AsBytes()), drawn.ToString());
        Assert.Equal(bytes, drawn.Layout.Pack(back));
    }

    [Property(MaxTest = 400)]
    public void Every_byte_is_an_element_s_or_padding_and_never_both(int seed)
    {
        var drawn = new DrawnLayout(seed);
        if (drawn.Text.EndsWith("fp8row", StringComparison.Ordinal))
            return; // the low bits of a row's scales round away in bfloat16
        Tensor x = drawn.Tensor;
        byte[] bytes = drawn.Layout.Pack(x);
        Assert.True(drawn.Layout.PaddingUntouched(bytes, x.DType, x.Shape), drawn.ToString());
        var random = new Random(seed);
        for (int trial = 0; trial < 8 && bytes.Length > 0; trial++)
        {
            int at = random.Next(bytes.Length);
            byte was = bytes[at];
            bytes[at] ^= (byte)(1 << random.Next(8));
            bool isElement = !x.AsBytes().SequenceEqual(drawn.Layout.Unpack(bytes, x.DType, x.Shape).AsBytes());
            Assert.Equal(isElement ? -1 : at, drawn.Layout.FirstTouched(bytes, x.DType, x.Shape));
            bytes[at] = was;
        }
    }

    [Property(MaxTest = 300)]
    public void The_form_holds_every_element_and_only_those_are_not_padding(int seed)
    {
        // A kernel knows the form alone. What its strides reach, taken as a set of bytes, contains every element, and no two of its places share a byte.
        var drawn = new DrawnLayout(seed);
        Tensor x = drawn.Tensor;
        StoredForm form = drawn.Layout.Form(x.DType, x.Shape);
        byte[] bytes = drawn.Layout.Pack(x);
        Assert.Equal(form.ByteCount, bytes.Length);
        var reached = new HashSet<long>();
        int width = form.DType.Bits() / 8;
        foreach (long start in Places(form))
        {
            for (int i = 0; i < width; i++)
                Assert.True(reached.Add(start + i) && start + i < bytes.Length, $"{drawn}: byte {start + i} of {form}");
        }

        byte[] spoilt = [.. bytes.Select((b, i) => reached.Contains(i) ? b : (byte)~b)];
        Assert.True(x.AsBytes().SequenceEqual(drawn.Layout.Unpack(spoilt, x.DType, x.Shape).AsBytes()), drawn.ToString());
    }

    [Property(MaxTest = 300)]
    public void The_text_parses_back_to_the_same_layout(int seed)
    {
        var drawn = new DrawnLayout(seed);
        string canonical = drawn.Layout.ToString();
        Assert.Equal(canonical, Layout.Parse(canonical).ToString());
        Assert.Equal(drawn.Layout, Layout.Parse(canonical));
        Assert.Equal(drawn.Layout.Pack(drawn.Tensor), Layout.Parse(canonical).Pack(drawn.Tensor));
    }

    [Property(MaxTest = 200)]
    public void Poison_lies_wherever_no_element_and_no_zero_of_the_format_is(int seed)
    {
        var drawn = new DrawnLayout(seed);
        if (drawn.Text.Contains("zero", StringComparison.Ordinal) || drawn.Text.Contains("ue8m0", StringComparison.Ordinal) || drawn.Text.Contains("kgrouped", StringComparison.Ordinal))
            return;
        byte[] bytes = drawn.Layout.Pack(drawn.Tensor);
        StoredForm form = drawn.Layout.Form(drawn.Tensor.DType, drawn.Tensor.Shape);
        long elements = form.DType == DType.U8 ? drawn.Tensor.ElementCount / 576 * 656 : drawn.Tensor.ByteCount;
        Assert.True(bytes.Count(b => b == Layout.Poison) >= bytes.Length - elements, drawn.ToString());
        // Bytes that differ between two packings of different values are elements; all others are the poison.
        if (form.DType == DType.U8)
            return;
        var zeros = new Tensor(drawn.Tensor.DType, drawn.Tensor.Shape);
        byte[] other = drawn.Layout.Pack(zeros);
        Assert.Equal(bytes.Length - elements, other.Count(b => b == Layout.Poison));
    }

    private static IEnumerable<long> Places(StoredForm form)
    {
        int width = form.DType.Bits() / 8;
        for (long i = 0; i < form.Shape.ElementCount; i++)
        {
            long rest = i, place = 0;
            for (int d = form.Shape.Rank - 1; d >= 0; d--)
            {
                place += rest % form.Shape[d] * form.Strides[d];
                rest /= form.Shape[d];
            }

            yield return form.ByteOffset + place * width;
        }
    }
}
