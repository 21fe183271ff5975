using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>Digests of tiles: which tensors have them, how many, and that a changed element names its tile and no other.</summary>
public sealed class TileDigestsTests
{
    [Theory]
    [InlineData(16384, false)]
    [InlineData(16385, true)]
    public void Tensors_of_more_than_one_tile_s_elements_have_them(int elements, bool has) =>
        Assert.Equal(has, TileDigests.Of(new Tensor(DType.F32, new Shape(elements))) is not null);

    [Theory]
    [InlineData(129, 256, "1 of 6 tiles: rows 128-139, columns 256-299")]
    [InlineData(0, 0, "1 of 6 tiles: rows 0-127, columns 0-127")]
    [InlineData(127, 255, "1 of 6 tiles: rows 0-127, columns 128-255")]
    public void A_changed_element_of_a_matrix_names_its_tile(int row, int column, string says)
    {
        var tensor = new Tensor(DType.F32, new Shape(140, 300));
        string kept = TileDigests.Of(tensor)!;
        Assert.Equal(6 * 16, kept.Length);
        Assert.Equal("", TileDigests.Difference(kept, tensor));
        tensor.AsSpan<float>()[(row * 300) + column] = 1f;
        Assert.Equal(says, TileDigests.Difference(kept, tensor));
    }

    [Fact]
    public void A_single_row_is_cut_in_long_pieces()
    {
        var tensor = new Tensor(DType.BF16, new Shape(1, 40000));
        string kept = TileDigests.Of(tensor)!;
        tensor.AsSpan<ushort>()[16384] = 1;
        Assert.Equal("1 of 3 tiles: columns 16384-32767", TileDigests.Difference(kept, tensor));
    }

    [Fact]
    public void Every_NaN_counts_as_the_canonical_one()
    {
        var tensor = new Tensor(DType.F32, new Shape(2, 10000));
        tensor.AsSpan<float>()[5] = BitConverter.UInt32BitsToSingle(0x7FC00000);
        string kept = TileDigests.Of(tensor)!;
        tensor.AsSpan<float>()[5] = BitConverter.UInt32BitsToSingle(0xFFC12345);
        Assert.Equal("", TileDigests.Difference(kept, tensor));
    }
}
