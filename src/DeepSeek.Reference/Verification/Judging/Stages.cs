using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Calls of several outputs, each made of the ones before it: a quantiser's scales and codes, a gate's scores, choice and weights.</summary>
/// <remarks>
/// Each stage is judged on the candidate's own values of the earlier ones. Where those are not the reference's, the reference's later values are made of other numbers:
/// there an element is held to its bound, and its error is counted from the rounded exact result of its stage and compared with that of other makes alone.
/// </remarks>
internal static class Stages
{
    /// <summary>The outputs of a call, each after those that it is made of.</summary>
    public static IEnumerable<Operand> InOrder(OperationCall call) =>
        call is QuantizeCall ? call.Outputs.OrderBy(o => o.Name == "scales" ? 0 : 1) : call.Outputs;

    /// <summary>The outputs that one is made of.</summary>
    public static IReadOnlyList<string> Before(OperationCall call, string output) => (call, output) switch
    {
        (QuantizeCall, "codes") => ["scales"],
        (GateCall, "indices") => ["scores"],
        (GateCall, "weights") => ["scores", "indices"],
        _ => [],
    };

    /// <summary>Which elements of an output are made of earlier ones that differ from the reference's; null where none is.</summary>
    public static Func<long, bool>? OnOwnValues(OperationCall call, string output, IReadOnlyDictionary<string, ReferencePieces> pieces)
    {
        var places = new HashSet<long>();
        foreach (string earlier in Before(call, output))
        {
            Tensor actual = call[earlier];
            long row = call is GateCall ? Math.Max(1, actual.ElementCount / Math.Max(1, actual.Shape[0])) : 1;
            foreach (ReferencePiece piece in pieces[earlier].Pieces)
            {
                for (long i = 0; i < piece.Count; i++)
                {
                    if (!ReferencePieces.SameBits(piece.Reference, i, actual, piece.At(i)))
                        places.Add(piece.At(i) / row);
                }
            }
        }

        if (places.Count == 0)
            return null;
        if (call is QuantizeCall c)
        {
            int K = Operands.Dim(c.X, 1);
            var grid = new TileGrid(c.Attributes.Tile, Operands.Dim(c.X, 0), K);
            return i => places.Contains(grid.ScaleOf((int)(i / K), (int)(i % K)));
        }

        long length = Math.Max(1, call[output].ElementCount / Math.Max(1, call[output].Shape[0]));
        return i => places.Contains(i / length);
    }
}
