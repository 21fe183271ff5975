using System.Globalization;
using System.Text;

namespace DeepSeek.Reference;

/// <summary>The head of a .npy file: magic, version, and a Python dictionary of dtype, order and shape.</summary>
/// <remarks>
/// <code>
/// 93 'NUMPY' | major minor | length (v1 u16, v2 and v3 u32, little endian) | {'descr': '&lt;f4', 'fortran_order': False, 'shape': (3, 4), } spaces \n
/// </code>
/// The data starts at a multiple of 64. Format: numpy.lib.format.
/// </remarks>
internal sealed record NumpyHeader(DType DType, bool BigEndian, bool FortranOrder, Shape Shape)
{
    /// <summary>Above this the header is no array's.</summary>
    private const int MaximumLength = 1 << 20;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>NumPy's name for a dtype; null where it has none.</summary>
    public static string? Descr(DType dtype) => dtype switch
    {
        DType.F16 => "<f2",
        DType.F32 => "<f4",
        DType.F64 => "<f8",
        DType.C64 => "<c8",
        DType.I8 => "|i1",
        DType.I16 => "<i2",
        DType.I32 => "<i4",
        DType.I64 => "<i8",
        DType.U8 => "|u1",
        DType.U16 => "<u2",
        DType.U32 => "<u4",
        DType.U64 => "<u8",
        DType.Bool => "|b1",
        _ => null,
    };

    /// <summary>Reads the head of an array of <paramref name="total"/> bytes; the stream then stands on the first element.</summary>
    /// <exception cref="DataException">Not a .npy file, or an array that has no tensor.</exception>
    /// <exception cref="EndOfStreamException">The stream is shorter.</exception>
    public static NumpyHeader Read(Stream stream, long total, string source, out long length)
    {
        Span<byte> head = stackalloc byte[12];
        stream.ReadExactly(head[..10]);
        if (!head.StartsWith(Magic))
            throw new DataException($"{source}: byte 0 does not start with NumPy's magic; the file is not .npy");
        (byte major, byte minor) = (head[6], head[7]);
        if (major is < 1 or > 3 || minor != 0)
            throw new DataException($"{source}: .npy version {major}.{minor} (byte 6) is not known; save it as version 1.0, 2.0 or 3.0");

        int prefix = major == 1 ? 10 : 12;
        stream.ReadExactly(head[10..prefix]);
        uint stated = major == 1 ? BitConverter.ToUInt16(head[8..]) : BitConverter.ToUInt32(head[8..]);
        if (stated > MaximumLength)
            throw new DataException($"{source}: the header's length {stated} (byte 8) is no array's (limit {MaximumLength}); the file is damaged");
        if (stated > total - prefix)
            throw new EndOfStreamException();
        var text = new byte[stated];
        stream.ReadExactly(text);
        length = prefix + stated;
        return Parse((major == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text), source);
    }

    /// <summary>The head for a tensor, in version 1.0, or 2.0 where the shape is that long; as NumPy writes it.</summary>
    public byte[] Write()
    {
        string shape = string.Join(", ", Shape.Dimensions.ToArray().Select(d => d.ToString(CultureInfo.InvariantCulture)));
        string dictionary = $"{{'descr': '{Descr(DType)}', 'fortran_order': False, 'shape': ({shape}{(Shape.Rank == 1 ? "," : "")}), }}";
        // NumPy leaves room for the first dimension to grow to 21 digits in place.
        if (Shape.Rank > 0)
            dictionary += new string(' ', 21 - Shape[0].ToString(CultureInfo.InvariantCulture).Length);

        int prefix = dictionary.Length + 11 + 64 <= ushort.MaxValue ? 10 : 12;
        int total = (prefix + dictionary.Length + 1 + 63) / 64 * 64;
        byte[] length = prefix == 10 ? BitConverter.GetBytes((ushort)(total - prefix)) : BitConverter.GetBytes(total - prefix);
        return [.. Magic, (byte)(prefix == 10 ? 1 : 2), 0, .. length, .. Encoding.Latin1.GetBytes(dictionary.PadRight(total - prefix - 1)), (byte)'\n'];
    }

    private static NumpyHeader Parse(string text, string source)
    {
        var literal = new PythonLiteral(text, source);
        string? descr = null;
        bool? fortran = null;
        List<long>? shape = null;
        literal.Expect('{');
        while (!literal.Skip('}'))
        {
            string key = literal.String();
            literal.Expect(':');
            bool twice = key switch { "descr" => descr is not null, "fortran_order" => fortran is not null, "shape" => shape is not null, _ => throw literal.Fail($"the key '{key}' is not known") };
            if (twice)
                throw literal.Fail($"the key '{key}' stands twice");
            if (key == "descr")
                descr = literal.String();
            else if (key == "fortran_order")
                fortran = literal.Boolean();
            else
                shape = literal.Tuple();
            if (!literal.Skip(','))
            {
                literal.Expect('}');
                break;
            }
        }

        literal.End();
        if (descr is null || fortran is null || shape is null)
            throw literal.Fail($"the key '{(descr is null ? "descr" : fortran is null ? "fortran_order" : "shape")}' is missing");
        return new NumpyHeader(ParseDescr(descr, source, out bool bigEndian), bigEndian, fortran.Value, ParseShape(shape, descr, source));
    }

    private static DType ParseDescr(string descr, string source, out bool bigEndian)
    {
        bigEndian = descr.StartsWith('>');
        if (descr.Length > 1 && descr[0] is '<' or '>' or '|' or '=')
        {
            foreach (DType dtype in Enum.GetValues<DType>())
            {
                if (Descr(dtype) is { } known && known.AsSpan(1).SequenceEqual(descr.AsSpan(1)))
                    return dtype;
            }
        }

        throw new DataException(descr.EndsWith("V2", StringComparison.Ordinal) || descr.EndsWith("V1", StringComparison.Ordinal)
            ? $"{source}: dtype '{descr}' is raw bytes (NumPy has no BF16 or FP8); save the tensor as .safetensors, or its bits as uint16 or uint8"
            : $"{source}: dtype '{descr}' has no tensor; save the array as one of f2 f4 f8 c8 i1 i2 i4 i8 u1 u2 u4 u8 b1");
    }

    private static Shape ParseShape(List<long> dimensions, string descr, string source)
    {
        try
        {
            return new Shape([.. dimensions]);
        }
        catch (ShapeException e)
        {
            throw new DataException($"{source}: a '{descr}' array of an impossible shape: {e.Message}; the file is damaged", e);
        }
    }
}
