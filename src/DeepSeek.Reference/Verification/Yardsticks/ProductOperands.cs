namespace DeepSeek.Reference.Verification;

/// <summary>Where an element of a product's output comes from: a row of the left operand, and a column of the right operand's group.</summary>
/// <param name="Group">Which weight or head; -1 where the element is no sum.</param>
/// <param name="Row">Row of the left operand.</param>
/// <param name="Column">Column of the right operand.</param>
internal readonly record struct ProductPlace(int Group, long Row, int Column);

/// <summary>The operands of y = Σ_k a_k b_k for every output of a call, whatever the tensors' layout.</summary>
internal abstract class ProductOperands(int k)
{
    /// <summary>Terms of a sum.</summary>
    public int K { get; } = k;

    /// <summary>The place of an output element.</summary>
    public abstract ProductPlace Place(long element);

    /// <summary>The values a_k of a row.</summary>
    public abstract void Row(ProductPlace place, Span<float> values);

    /// <summary>The values b_k of a column.</summary>
    public abstract void Column(ProductPlace place, Span<float> values);

    /// <summary>The scales of a row, one for each run of k that shares one; empty where there are none.</summary>
    public virtual void RowScales(ProductPlace place, Span<double> scales) => scales.Fill(1);

    /// <summary>The scales of a column.</summary>
    public virtual void ColumnScales(ProductPlace place, Span<double> scales) => scales.Fill(1);

    /// <summary>What the sum is added to.</summary>
    public virtual double Start(long element) => 0;

    /// <summary>The value of an element that is no sum: copied, or left alone.</summary>
    public virtual Measurement Other(long element) => Roundoff.Nothing(0);

    /// <summary>2^e, e the exponent by which a matrix unit aligns x: that of the least normal number for a subnormal one; 0 for a zero, and for what is no number.</summary>
    public static double PowerOf(float x, int leastExponent)
    {
        if (x == 0 || !float.IsFinite(x))
            return 0;
        double power = BitConverter.UInt64BitsToDouble(BitConverter.DoubleToUInt64Bits(x) & 0x7FF0000000000000);
        return Math.Max(power, Math.ScaleB(1, leastExponent));
    }
}

/// <summary>x Wᵀ of matrices, one weight or several: the rows of x belong to weights by <c>groupOfRow</c>.</summary>
internal sealed class MatrixOperands(Tensor x, IReadOnlyList<Tensor> weights, int[]? groupOfRow, int n) : ProductOperands(Operands.Dim(x, 1))
{
    public override ProductPlace Place(long element)
    {
        (long t, long column) = Math.DivRem(element, n);
        return new ProductPlace(groupOfRow is null ? 0 : groupOfRow[t], t, (int)column);
    }

    public override void Row(ProductPlace place, Span<float> values) => Operands.Slice(x, place.Row * K, K, values).CopyTo(values);

    public override void Column(ProductPlace place, Span<float> values) => Operands.Slice(weights[place.Group], (long)place.Column * K, K, values).CopyTo(values);

    /// <summary>The group of each row from offsets.</summary>
    public static int[] GroupsOf(IReadOnlyList<int> offsets)
    {
        int[] groups = new int[offsets[^1]];
        for (int g = 0; g + 1 < offsets.Count; g++)
            groups.AsSpan(offsets[g], offsets[g + 1] - offsets[g]).Fill(g);
        return groups;
    }
}

/// <summary>W_UKᵀ q of each head, the rotated channels copied behind it.</summary>
internal sealed class AbsorbQueryOperands : ProductOperands
{
    private readonly Tensor q;
    private readonly Tensor kvB;
    private readonly DType output;
    private readonly (int S, int H, int dn, int dr, int c, int Rows) shape;

    public AbsorbQueryOperands(Tensor q, Tensor kvB, Tensor y) : base(Ops.LatentShape.OfQuery(q, kvB, y).dn)
    {
        (this.q, this.kvB, output) = (q, kvB, y.DType);
        shape = Ops.LatentShape.OfQuery(q, kvB, y);
    }

    public override ProductPlace Place(long element)
    {
        (long row, long i) = Math.DivRem(element, shape.c + shape.dr);
        return new ProductPlace(i < shape.c ? (int)(row % shape.H) : -1, row, (int)i);
    }

    public override void Row(ProductPlace place, Span<float> values) => Operands.Slice(q, place.Row * (shape.dn + shape.dr), K, values).CopyTo(values);

    public override void Column(ProductPlace place, Span<float> values)
    {
        for (int d = 0; d < K; d++)
            values[d] = (float)ElementReader.Value(kvB, ((long)place.Group * shape.Rows + d) * shape.c + place.Column);
    }

    public override Measurement Other(long element)
    {
        ProductPlace place = Place(element);
        double copied = ElementReader.Value(q, place.Row * (shape.dn + shape.dr) + shape.dn + place.Column - shape.c);
        return Roundoff.Stored(copied, 0, output);
    }
}

/// <summary>W_UV z of each head.</summary>
internal sealed class AbsorbOutputOperands : ProductOperands
{
    private readonly Tensor z;
    private readonly Tensor kvB;
    private readonly (int S, int H, int dv, int c, int Rows) shape;

    public AbsorbOutputOperands(Tensor z, Tensor kvB, Tensor y) : base(Ops.LatentShape.OfOutput(z, kvB, y).c)
    {
        (this.z, this.kvB) = (z, kvB);
        shape = Ops.LatentShape.OfOutput(z, kvB, y);
    }

    public override ProductPlace Place(long element)
    {
        (long row, long j) = Math.DivRem(element, shape.dv);
        return new ProductPlace((int)(row % shape.H), row, (int)j);
    }

    public override void Row(ProductPlace place, Span<float> values) => Operands.Slice(z, place.Row * K, K, values).CopyTo(values);

    public override void Column(ProductPlace place, Span<float> values) =>
        Operands.Slice(kvB, ((long)place.Group * shape.Rows + shape.Rows - shape.dv + place.Column) * K, K, values).CopyTo(values);
}

/// <summary>Block-scaled FP8: codes and scales of rows and columns.</summary>
internal sealed class ScaledOperands(
    Tensor x, Tensor xScale, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor> weightScales, Ops.ScaledShape shape, int scales, int[] groupOfRow, Tensor? c)
    : ProductOperands(shape.K)
{
    public override ProductPlace Place(long element)
    {
        (long t, long n) = Math.DivRem(element, shape.N);
        return new ProductPlace(groupOfRow[t], t, (int)n);
    }

    public override void Row(ProductPlace place, Span<float> values) => Decode(x, place.Row * K, values);

    public override void Column(ProductPlace place, Span<float> values) => Decode(weights[place.Group], (long)place.Column * K, values);

    public override void RowScales(ProductPlace place, Span<double> values) => Read(xScale, place.Row * scales, values);

    public override void ColumnScales(ProductPlace place, Span<double> values) =>
        Read(weightScales[place.Group], (long)(place.Column / shape.RowsPerWeightScale) * scales, values);

    public override double Start(long element) => c is null ? 0 : ElementReader.Value(c, element);

    private static void Decode(Tensor codes, long start, Span<float> values)
    {
        for (int k = 0; k < values.Length; k++)
            values[k] = Decoded[(byte)ElementReader.Bits(codes, start + k)];
    }

    private static void Read(Tensor from, long start, Span<double> values)
    {
        for (int b = 0; b < values.Length; b++)
            values[b] = ElementReader.Value(from, start + b);
    }

    private static readonly float[] Decoded = [.. Enumerable.Range(0, 256).Select(code => Float8E4M3.FromBits((byte)code).ToSingle())];
}
