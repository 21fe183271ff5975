using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Verification;

/// <summary>Another legitimate order of every sum, drawn from a seed: what an engine that is right may give in place of our bits.</summary>
/// <remarks>
/// The terms of a product, of a norm's sum of squares and of a score are permuted (both operands alike) and then added as the call says. Sums that cannot be permuted from
/// outside (keys of attention, the absorbed query) take another accumulation of binary32 or binary64 in turn. Rotations and combinations in binary32 take the other of
/// fused and separate products. Roundings between operations stay where the contract has them.
/// </remarks>
internal sealed class ReorderedBackend(IBackend inner, ulong seed) : CallBackend
{
    private int calls;

    /// <inheritdoc/>
    public override string Name => "reordered";

    /// <inheritdoc/>
    public override bool Supports(Operation operation, Accumulation accumulation) => inner.Supports(operation, accumulation);

    /// <inheritdoc/>
    protected override void Invoke(OperationCall call)
    {
        calls++;
        switch (call)
        {
            case LinearCall c:
                Permuted(c, (int)c.X.Shape[^1], o => o.Name is "x" or "weight");
                break;
            case GroupedLinearCall c:
                Permuted(c, (int)c.X.Shape[^1], o => o.Name == "x" || (o.Role == OperandRole.Input && HasRows(c, o.Name)));
                break;
            case AbsorbOutputCall c:
                Permuted(c, (int)c.Z.Shape[^1], o => o.Name is "z" or "kv_b");
                break;
            case RmsNormCall c:
                Norm(c);
                break;
            case AbsorbQueryCall c:
                (c with { Accumulation = Another(c.Accumulation) }).Run(inner);
                break;
            case AttentionCall c:
                (c with { Attributes = c.Attributes with { Accumulation = Another(c.Attributes.Accumulation) } }).Run(inner);
                break;
            case RopeCall { Attributes.Rotation: not RopeRotation.EveryStep } c:
                (c with { Attributes = c.Attributes with { Rotation = Odd ? RopeRotation.Separate : RopeRotation.Fused } }).Run(inner);
                break;
            case CombineCall { Rounding: CombineRounding.Fused or CombineRounding.Separate } c:
                (c with { Rounding = Odd ? CombineRounding.Separate : CombineRounding.Fused }).Run(inner);
                break;
            default:
                call.Run(inner);
                break;
        }
    }

    private bool Odd => ((seed >> (calls % 8)) & 1) != 0;

    private Accumulation Another(Accumulation declared) => declared.Kind == AccumulationKind.Exact ? declared
        : ((seed + (ulong)calls) % 3) switch { 0 => Accumulation.Sequential, 1 => Accumulation.Float64, _ => Accumulation.Lanes16 };

    private static bool HasRows(GroupedLinearCall call, string weight)
    {
        int e = int.Parse(weight.AsSpan(weight.LastIndexOf('.') + 1), System.Globalization.CultureInfo.InvariantCulture);
        return call.Offsets[e] < call.Offsets[e + 1];
    }

    private void Permuted(OperationCall call, int K, Func<Operand, bool> which)
    {
        int[] order = Order(K);
        call.Replace(o => which(o) ? Permute(o.Tensor, order) : o.Tensor).Run(inner);
    }

    private void Norm(RmsNormCall call)
    {
        int[] order = Order((int)call.X.Shape[^1]);
        var y = new Tensor(call.Y.DType, call.Y.Shape);
        (call with { X = Permute(call.X, order), Weight = Permute(call.Weight, order), Y = y }).Run(inner);
        var back = new int[order.Length];
        for (int k = 0; k < back.Length; k++)
            back[order[k]] = k;
        Permute(y, back).CopyTo(call.Y);
    }

    /// <summary>A permutation of 0 .. K-1 from the seed and the number of the call (Fisher and Yates).</summary>
    private int[] Order(int K)
    {
        int[] order = [.. Enumerable.Range(0, K)];
        var random = new RandomStream(seed, $"order.{calls}");
        for (int k = K - 1; k > 0; k--)
        {
            int other = (int)((ulong)random.Word((ulong)k) * (ulong)(k + 1) >> 32);
            (order[k], order[other]) = (order[other], order[k]);
        }

        return order;
    }

    /// <summary>Element k of each row becomes the row's element order[k].</summary>
    private static Tensor Permute(Tensor x, int[] order)
    {
        var y = new Tensor(x.DType, x.Shape);
        if (x.DType == DType.F32)
            Permute<float>(x, order, y);
        else
            Permute<ushort>(x, order, y);
        return y;
    }

    private static void Permute<T>(Tensor x, int[] order, Tensor y) where T : unmanaged
    {
        long rows = order.Length == 0 ? 0 : x.ElementCount / order.Length;
        Tensor from = x.Reshape(rows, order.Length);
        Tensor to = y.Reshape(rows, order.Length);
        for (long r = 0; r < rows; r++)
        {
            ReadOnlySpan<T> source = from.Rows(r, 1).AsReadOnlySpan<T>();
            Span<T> target = to.Rows(r, 1).AsSpan<T>();
            for (int k = 0; k < order.Length; k++)
                target[k] = source[order[k]];
        }
    }
}
