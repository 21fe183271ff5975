using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference;

/// <summary>How managed backends read and write tensors: checks, exact widening, one rounding at the store.</summary>
internal static class Operands
{
    /// <summary>Throws unless the tensor is F32 or BF16 and has the shape.</summary>
    public static void Require(Tensor t, string name, params ReadOnlySpan<long> shape)
    {
        RequireFloat(t, name);
        RequireShape(t, name, shape);
    }

    /// <summary>Throws unless the tensor has the shape.</summary>
    public static void RequireShape(Tensor t, string name, params ReadOnlySpan<long> shape)
    {
        if (!t.Shape.Dimensions.SequenceEqual(shape))
            throw new ShapeException($"{name} is {t}, expected shape {new Shape(shape)}");
    }

    /// <summary>Throws unless the tensor is of the dtype.</summary>
    public static void RequireType(Tensor t, string name, DType dtype)
    {
        if (t.DType != dtype)
            throw new ShapeException($"{name} is {t}, expected dtype {dtype.Name()}");
    }

    /// <summary>Throws unless the tensor is F32 or BF16.</summary>
    public static void RequireFloat(Tensor t, string name)
    {
        if (t.DType is not (DType.F32 or DType.BF16))
            throw new ShapeException($"{name} is {t}, expected F32 or BF16");
    }

    /// <summary>Throws unless the tensor has this many dimensions.</summary>
    public static void RequireRank(Tensor t, string name, int rank)
    {
        if (t.Shape.Rank != rank)
            throw new ShapeException($"{name} is {t}, expected {rank} dimensions");
    }

    /// <summary>Throws unless the tensor is F32 or BF16, has the shape, and can be written: asked before threads start.</summary>
    public static void RequireOutput(Tensor y, string name, params ReadOnlySpan<long> shape)
    {
        Require(y, name, shape);
        ThrowIfReadOnly(y);
    }

    /// <summary>A dimension as an int; operations loop over at most 2^31 - 1 of anything but elements.</summary>
    public static int Dim(Tensor t, Index i) => t.Shape[i] <= int.MaxValue
        ? (int)t.Shape[i]
        : throw new ShapeException($"a tensor {t} has a dimension beyond 2^31 - 1, which no operation loops over; take Rows, or Reshape");

    /// <summary>All values as binary32, exactly: the tensor's own memory when it is F32, a copy when it is BF16.</summary>
    public static ReadOnlySpan<float> Widen(Tensor t)
    {
        if (t.DType == DType.F32)
            return t.AsReadOnlySpan<float>();
        var values = new float[t.ElementCount];
        BFloat16Spans.Widen(t.AsReadOnlySpan<BFloat16>(), values);
        return values;
    }

    /// <summary>Values start..start+count as binary32, exactly: the tensor's own memory when it is F32, a copy when it is BF16.</summary>
    public static ReadOnlySpan<float> Widen(Tensor t, long start, int count) => Slice(t, start, count, t.DType == DType.F32 ? [] : new float[count]);

    /// <summary>Values start..start+count as binary32: the tensor's own memory when it is F32, else widened into scratch.</summary>
    public static ReadOnlySpan<float> Slice(Tensor t, long start, int count, Span<float> scratch)
    {
        if (t.DType == DType.F32)
            return MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref t.First<float>(), (nint)start), count);
        ReadOnlySpan<BFloat16> codes = MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref t.First<BFloat16>(), (nint)start), count);
        BFloat16Spans.Widen(codes, scratch);
        return scratch[..count];
    }

    /// <summary>Where to compute values start..start+count of y: its own memory when it is F32, else scratch, to be handed to <see cref="Commit"/>.</summary>
    public static Span<float> Target(Tensor y, long start, int count, Span<float> scratch)
    {
        ThrowIfReadOnly(y);
        return y.DType == DType.F32
            ? MemoryMarshal.CreateSpan(ref Unsafe.Add(ref y.First<float>(), (nint)start), count)
            : scratch[..count];
    }

    /// <summary>Rounds values computed in scratch into y's memory when y is BF16; nothing is left to do for F32.</summary>
    public static void Commit(ReadOnlySpan<float> values, Tensor y, long start)
    {
        if (y.DType == DType.BF16)
            BFloat16Spans.Round(values, MemoryMarshal.CreateSpan(ref Unsafe.Add(ref y.First<BFloat16>(), (nint)start), values.Length));
    }

    /// <summary>Writes binary32 values into y from element start: copied to F32, rounded once to BF16.</summary>
    public static void Store(ReadOnlySpan<float> values, Tensor y, long start = 0)
    {
        ThrowIfReadOnly(y);
        if (y.DType == DType.F32)
            values.CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref y.First<float>(), (nint)start), values.Length));
        else
            Commit(values, y, start);
    }

    /// <summary>Throws unless offsets cut the rows of a tensor into consecutive groups: 0, rising or equal, the number of rows.</summary>
    public static void RequireOffsets(ReadOnlySpan<int> offsets, int groups, int rows, string name)
    {
        if (offsets.Length != groups + 1)
            throw new ShapeException($"{groups} groups need {groups + 1} offsets, not {offsets.Length}");
        if (offsets[0] != 0 || offsets[^1] != rows)
            throw new ShapeException($"the offsets run from {offsets[0]} to {offsets[^1]}, but {name} has rows 0 to {rows}");
        for (int g = 0; g < groups; g++)
        {
            if (offsets[g] > offsets[g + 1])
                throw new ShapeException($"the offsets fall at group {g}: {offsets[g]}, {offsets[g + 1]}");
        }
    }

    /// <summary>Throws for a decision that is none of its enum's: it is refused, never taken for another.</summary>
    public static void RequireDefined<T>(T decision) where T : struct, Enum
    {
        if (!Enum.IsDefined(decision))
            throw new ContractException($"{typeof(T).Name} {decision} is not defined; take one of {string.Join(", ", Enum.GetNames<T>())}");
    }

    /// <summary>Throws for a tensor that cannot be written.</summary>
    public static void ThrowIfReadOnly(Tensor y)
    {
        if (y.IsReadOnly)
            throw new ShapeException($"the output {y} lies in a mapped checkpoint and is read-only");
    }
}
