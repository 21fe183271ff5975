using System.Buffers.Binary;
using System.Security.Cryptography;
using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Verification;

/// <summary>The inputs of a capture from its seed (docs/spec/capture.md 3): Philox words under the instruction's name, one for each element.</summary>
internal static class CaptureInputs
{
    /// <summary>The inputs of a tile: a [steps, 64, K], b [steps, 8, K], c [64, 8].</summary>
    public static void Tile(CaptureInstruction instruction, ulong seed, int steps, long tile, Span<uint> a, Span<uint> b, Span<uint> c)
    {
        Operand(instruction, true, seed, tile, tile * steps, a);
        Operand(instruction, false, seed, tile, tile * steps, b);
        Addends(instruction, seed, tile, c);
    }

    /// <summary>SHA-256 of all inputs: a of every tile, then b, then c, as codes of their width.</summary>
    public static string Digest(CaptureInstruction instruction, ulong seed, long tiles, int steps)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // A step at a time: a header of a few bytes may ask for hundreds of steps.
        uint[] a = new uint[CapturedDots.Rows * instruction.K], b = new uint[CapturedDots.Columns * instruction.K], c = new uint[CapturedDots.Dots];
        byte[] bytes = new byte[4 * Math.Max(a.Length, c.Length)];
        for (long step = 0; step < tiles * steps; step++)
        {
            Operand(instruction, true, seed, step / steps, step, a);
            sha.AppendData(Bytes(a, instruction.A.Bytes, bytes));
        }

        for (long step = 0; step < tiles * steps; step++)
        {
            Operand(instruction, false, seed, step / steps, step, b);
            sha.AppendData(Bytes(b, instruction.B.Bytes, bytes));
        }

        for (long tile = 0; tile < tiles; tile++)
        {
            Addends(instruction, seed, tile, c);
            sha.AppendData(Bytes(c, instruction.Accumulator.Bytes, bytes));
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    /// <summary>Codes as bytes of their width, little-endian.</summary>
    public static ReadOnlySpan<byte> Bytes(ReadOnlySpan<uint> codes, int size, Span<byte> bytes)
    {
        for (int i = 0; i < codes.Length; i++)
        {
            if (size == 1)
                bytes[i] = (byte)codes[i];
            else if (size == 2)
                BinaryPrimitives.WriteUInt16LittleEndian(bytes[(2 * i)..], (ushort)codes[i]);
            else
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[(4 * i)..], codes[i]);
        }

        return bytes[..(codes.Length * size)];
    }

    /// <summary>Rows from a step on, counted over all tiles, as many as there is room for; all of one tile, whose maps they follow.</summary>
    private static void Operand(CaptureInstruction instruction, bool isA, ulong seed, long tile, long step, Span<uint> codes)
    {
        int K = instruction.K, rows = isA ? CapturedDots.Rows : CapturedDots.Columns;
        CaptureFormat format = isA ? instruction.A : instruction.B;
        var words = new RandomStream(seed, instruction.Name + (isA ? "/a" : "/b"));
        uint plan = new RandomStream(seed, instruction.Name + "/plan").Word((ulong)tile);
        Span<uint> u = stackalloc uint[K];
        long first = step * rows;
        for (int row = 0; row < codes.Length / K; row++)
        {
            // K is a multiple of 4: a row is whole blocks.
            for (int k = 0; k < K; k += 4)
                (u[k], u[k + 1], u[k + 2], u[k + 3]) = words.Block((ulong)((first + row) * K + k) / 4);
            CaptureMaps.Row(format, CaptureMaps.ElementMapOf(tile), isA, plan, u, codes.Slice(row * K, K));
        }
    }

    private static void Addends(CaptureInstruction instruction, ulong seed, long tile, Span<uint> codes)
    {
        var words = new RandomStream(seed, instruction.Name + "/c");
        for (int i = 0; i < CapturedDots.Dots; i++)
            codes[i] = CaptureMaps.Addend(instruction.Accumulator, CaptureMaps.AddendMapOf(tile), words.Word((ulong)(tile * CapturedDots.Dots + i)));
    }
}
