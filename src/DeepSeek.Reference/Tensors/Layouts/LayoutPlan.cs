namespace DeepSeek.Reference.Layouts;

/// <summary>A layout for one dtype and shape: where each element stands.</summary>
/// <remarks>
/// A row of the tensor goes to the row of memory that the placement gives it, its elements to where the storage has them there:
/// <code>
/// byte of element (r, k) = storage(placement(r), k)
/// </code>
/// Each byte remembers whether an element has it, so that overlaps and padding need no formula of their own, which could be wrong in the same way.
/// </remarks>
internal sealed class LayoutPlan
{
    private readonly Layout layout;
    private readonly ElementStorage storage;
    private readonly DType dtype;
    private readonly Shape shape;
    private readonly Shape coded;
    private readonly Shape grid;
    private readonly long[]? rowOf;
    private readonly long inner;
    private readonly bool zeroRows;
    private readonly StorageMap map;

    public LayoutPlan(Layout layout, RowPlacement? placement, ElementStorage storage, DType dtype, Shape shape)
    {
        if (dtype.Bits() % 8 != 0)
            throw new ShapeException($"layout {layout}: elements of {dtype.Name()} do not fill whole bytes; unpack them first");
        this.layout = layout;
        this.storage = storage;
        this.dtype = dtype;
        this.shape = shape;
        coded = storage.CodedShape(dtype, shape);
        grid = coded;
        Shape allocated = coded, viewed = coded;
        if (placement is not null)
        {
            if (coded.Rank == 0)
                throw new ShapeException($"layout {layout}: a scalar has no rows to place");
            PlacedRows rows = placement.Place(coded[0], layout);
            // The rows of a list are its elements: they are placed as rows of one.
            grid = coded.Rank > 1 ? coded : new Shape(coded[0], 1);
            rowOf = rows.RowOf;
            zeroRows = rows.ZeroFill;
            allocated = new Shape([.. rows.Allocated, .. grid.Dimensions[1..]]);
            viewed = new Shape([.. rows.Viewed, .. grid.Dimensions[1..]]);
            Parameters = rows.Parameters;
        }

        inner = 1;
        for (int i = 1; i < grid.Rank - 1; i++)
            inner *= grid[i];
        map = storage.Map(storage.CodedType(dtype), allocated, viewed, layout);
        if (map.Form.ByteCount > Array.MaxLength)
            throw new ShapeException($"layout {layout}: {dtype.Name()} {shape} takes {map.Form.ByteCount} bytes, more than one array holds; take Rows");
        Parameters = map.Parameters ?? Parameters;
    }

    public StoredForm Form => grid.Rank == coded.Rank
        ? map.Form
        : map.Form with { Shape = new Shape(map.Form.Shape.Dimensions[..^1]), Strides = [.. map.Form.Strides.SkipLast(1)] };

    public IReadOnlyDictionary<string, IReadOnlyList<long>> Parameters { get; } = new Dictionary<string, IReadOnlyList<long>>();

    private int Columns => grid.Rank == 0 ? 1 : checked((int)grid[^1]);

    private long Rows => grid.ElementCount == 0 ? 0 : grid.ElementCount / Columns;

    public byte[] Pack(Tensor tensor) => PackCodes(storage.Encode(tensor));

    /// <summary>Memory whose elements all hold one byte: an output before it is written, in formats that cannot hold any value.</summary>
    public byte[] Filled(byte value)
    {
        var codes = new Tensor(storage.CodedType(dtype), coded);
        Writable(codes).Fill(value);
        return PackCodes(codes);
    }

    private byte[] PackCodes(Tensor codes)
    {
        byte[] bytes = Background();
        ReadOnlySpan<byte> from = codes.AsBytes();
        int width = map.ElementBytes, element = 0;
        foreach (int at in Places(bytes.Length))
            from.Slice(width * element++, width).CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    /// <summary>Where each element lies, row by row; each byte belongs to one element at most.</summary>
    private IEnumerable<int> Places(int byteCount)
    {
        var taken = new bool[byteCount];
        var at = new long[Columns];
        for (long r = 0; r < Rows; r++)
        {
            map.Row(MemoryRow(r), at);
            foreach (long place in at)
            {
                Take(taken, place, map.ElementBytes);
                yield return (int)place;
            }
        }
    }

    public Tensor Unpack(ReadOnlySpan<byte> bytes)
    {
        RequireSize(bytes);
        var codes = new Tensor(storage.CodedType(dtype), coded);
        Span<byte> to = Writable(codes);
        int width = map.ElementBytes, element = 0;
        foreach (int at in Places(bytes.Length))
            bytes.Slice(at, width).CopyTo(to[(width * element++)..]);
        return storage.Decode(codes, dtype, shape);
    }

    public long FirstTouched(ReadOnlySpan<byte> bytes)
    {
        RequireSize(bytes);
        byte[] expected = Background();
        var taken = new bool[bytes.Length];
        var at = new long[Columns];
        for (long r = 0; r < Rows; r++)
        {
            map.Row(MemoryRow(r), at);
            foreach (long start in at)
                Take(taken, start, map.ElementBytes);
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            if (!taken[i] && bytes[i] != expected[i])
                return i;
        }

        return -1;
    }

    /// <summary>What memory holds before elements come: poison, and zeros where the format says so.</summary>
    private byte[] Background()
    {
        var bytes = new byte[map.Form.ByteCount];
        bytes.AsSpan().Fill(Layout.Poison);
        map.Prepare(bytes);
        if (!zeroRows)
            return bytes;
        var at = new long[Columns];
        long rows = map.Allocated.ElementCount == 0 ? 0 : map.Allocated.ElementCount / Columns;
        for (long r = 0; r < rows; r++)
        {
            map.Row(r, at);
            foreach (long start in at)
                bytes.AsSpan((int)start, map.ElementBytes).Clear();
        }

        return bytes;
    }

    private long MemoryRow(long r)
    {
        if (rowOf is null)
            return r;
        return rowOf[r / inner] * inner + r % inner;
    }

    private void Take(bool[] taken, long start, int width)
    {
        for (long i = start; i < start + width; i++)
        {
            if (taken[i])
                throw new ShapeException($"layout {layout}: two elements of {dtype.Name()} {shape} share byte {i}; take strides that do not overlap");
            taken[i] = true;
        }
    }

    private void RequireSize(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != map.Form.ByteCount)
            throw new ShapeException($"layout {layout}: {bytes.Length} bytes for {dtype.Name()} {shape}, expected {map.Form.ByteCount}");
    }

    private static Span<byte> Writable(Tensor tensor) => System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref tensor.ByteOrigin, checked((int)tensor.ByteCount));
}
