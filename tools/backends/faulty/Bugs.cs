namespace DeepSeek.Reference.Faulty;

/// <summary>The zoo: every bug that verification must catch (docs/spec/zoo.md).</summary>
/// <remarks>Each spoils one thing of one operation, and is to be caught on each of its cases with any seed.</remarks>
internal static partial class Bugs
{
    /// <summary>All bugs, family by family.</summary>
    public static IReadOnlyList<Variant> All { get; } =
    [
        .. Products(), .. Precisions(), .. ScaledProducts(), .. Groups(), .. Attentions(), .. SoftmaxParts(), .. Gates(), .. Experts(),
        .. Norms(), .. Activations(), .. Positions(), .. Quantisers(), .. Dequantisers(), .. Memory(), .. BackwardProducts(), .. BackwardRows(), .. BackwardAttentions(),
    ];
}
