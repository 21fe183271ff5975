using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>Captures that no hardware made: a model's results in a capture's clothes, marked synthetic, for tests of the reader.</summary>
internal static class SyntheticCapture
{
    public const string WgmmaE4M3 = "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3";

    /// <summary>What the unit, or a wrong one in its place, gives for the inputs of a seed.</summary>
    public static byte[] Results(string instruction, ulong seed, int tiles, int steps, TensorCore? wrong = null)
    {
        CaptureInstruction parsed = CaptureInstruction.Parse(instruction);
        TensorCore unit = wrong ?? parsed.Unit;
        int K = parsed.K, size = parsed.Accumulator.Bytes;
        byte[] all = new byte[tiles * CapturedDots.Dots * size];
        uint[] a = new uint[steps * CapturedDots.Rows * K], b = new uint[steps * CapturedDots.Columns * K], c = new uint[CapturedDots.Dots];
        for (int tile = 0; tile < tiles; tile++)
        {
            CaptureInputs.Tile(parsed, seed, steps, tile, a, b, c);
            for (int i = 0; i < CapturedDots.Dots; i++)
            {
                for (int s = 0; s < steps; s++)
                    c[i] = unit.Define(a.AsSpan((s * CapturedDots.Rows + i / CapturedDots.Columns) * K, K), b.AsSpan((s * CapturedDots.Columns + i % CapturedDots.Columns) * K, K), c[i]);
            }

            CaptureInputs.Bytes(c, size, all.AsSpan(tile * CapturedDots.Dots * size));
        }

        return all;
    }

    public static CaptureHeader Header(string instruction, ulong seed, int tiles, int steps) =>
        CapturedDots.Describe(instruction, "synthetic", "a model of this library", seed, tiles, steps);

    /// <summary>A file of dot products.</summary>
    public static string Dots(string path, string instruction, ulong seed = 1, int tiles = 14, int steps = 1, TensorCore? wrong = null)
    {
        HardwareCapture.Write(path, Header(instruction, seed, tiles, steps), Results(instruction, seed, tiles, steps, wrong));
        return path;
    }

    /// <summary>A file of a conversion or function; <paramref name="change"/> alters a result by its index.</summary>
    public static string Scalars(string path, string kind, string instruction, bool edges, int count, int size, uint first, uint step, Func<int, uint, uint>? change = null)
    {
        CaptureHeader header = new CaptureHeader().Add("kind", kind).Add("origin", "synthetic").Add("instruction", instruction).Add("device", "a model of this library")
            .Add("map", edges ? "edges" : "sequence").Add("count", (long)count).Add("result_bytes", (long)size).Add("first", $"0x{first:x8}").Add("step", $"0x{step:x8}");
        HardwareCapture.Write(path, header, new byte[count * size]);
        CapturedScalars empty = CapturedScalars.Of(HardwareCapture.Read(path));
        uint[] results = [.. Enumerable.Range(0, count).Select(i => empty.Expect(empty.Argument(i)) is var y && change is null ? y : change!(i, y))];
        byte[] payload = new byte[count * size];
        CaptureInputs.Bytes(results, size, payload);
        HardwareCapture.Write(path, header, payload);
        return path;
    }
}
