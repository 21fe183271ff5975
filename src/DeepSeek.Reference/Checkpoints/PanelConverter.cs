using System.Globalization;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference;

/// <summary>Converts a panel: some whole blocks of rows of one tensor.</summary>
internal interface IPanelConverter
{
    /// <summary>Where panels are read to, one after another.</summary>
    Scratch Panel { get; }

    /// <summary>The result of rows row.. of the tensor, and their scales where they are written; good until the next call.</summary>
    /// <exception cref="DataException">A value that cannot be converted.</exception>
    (Tensor Result, Tensor? Scales) Convert(TensorPlan plan, Tensor panel, long row);
}

/// <summary>F32 or BF16 to F8_E4M3 and scales.</summary>
internal sealed class PanelQuantizer(ScaleFormat scales, IBackend backend) : IPanelConverter
{
    private const int Block = TileGrid.Side;
    private readonly Scratch result = new();

    /// <inheritdoc/>
    public Scratch Panel { get; } = new();

    /// <inheritdoc/>
    public (Tensor Result, Tensor? Scales) Convert(TensorPlan plan, Tensor panel, long row)
    {
        (long rows, long columns) = (panel.Shape[0], panel.Shape[1]);
        Tensor codes = result.Get(DType.F8_E4M3, rows, columns);
        var made = new Tensor(DType.F32, (rows + Block - 1) / Block, (columns + Block - 1) / Block);
        backend.Quantize(panel, new QuantizeAttributes(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, scales), codes, made);
        ReadOnlySpan<float> s = made.AsReadOnlySpan<float>();
        for (int i = 0; i < s.Length; i++)
        {
            // The maximum of a block over a NaN is NaN, over an infinity infinite (rule N3): the scale tells.
            if (!float.IsFinite(s[i]))
            {
                long at = row + (i / made.Shape[1] * Block);
                throw new DataException($"{plan.Source}: tensor '{plan.Entry.Name}', rows {at} to {Math.Min(at + Block, plan.Entry.Shape[0]) - 1}: NaN or infinity cannot be quantised; look for it with `dsref inspect --check`");
            }
        }

        return (codes, made);
    }
}

/// <summary>F8_E4M3 and scales to F32 or BF16.</summary>
internal sealed class PanelDequantizer(Checkpoint checkpoint, DType dtype, IBackend backend) : IPanelConverter
{
    private const int Block = TileGrid.Side;
    private readonly Scratch result = new();

    /// <inheritdoc/>
    public Scratch Panel { get; } = new();

    /// <inheritdoc/>
    public (Tensor Result, Tensor? Scales) Convert(TensorPlan plan, Tensor panel, long row)
    {
        Tensor all = checkpoint.Get(plan.Scale!);
        Tensor scales = all.Rows(row / Block, (panel.Shape[0] + Block - 1) / Block);
        foreach (float s in scales.AsReadOnlySpan<float>())
        {
            if (!(s >= 0 && float.IsFinite(s)))
                throw new DataException($"{checkpoint.FileOf(plan.Scale!)}: tensor '{plan.Scale}' holds {s.ToString(CultureInfo.InvariantCulture)}, and a scale is finite and not negative; restore the file from its source");
        }

        Tensor y = result.Get(dtype, panel.Shape.Dimensions);
        backend.Dequantize(panel, scales, QuantizationTile.Block128x128, y);
        return (y, null);
    }
}
