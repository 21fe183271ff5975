using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using Xunit;

namespace DeepSeek.Reference.Tests.Ops;

/// <summary>Turned matrices in scratch: every element in its place, +0 to the end of a line, nothing written elsewhere.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public class FloatTurnTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(4, 16)]
    [InlineData(16, 16)]
    [InlineData(17, 33)]
    [InlineData(31, 64)]
    [InlineData(50, 100)]
    public void Every_element_finds_its_place(int rows, int columns)
    {
        const float Untouched = -7f;
        int stride = columns + 3, lines = AlignedFloats.WholeLines(rows), toStride = lines + 16;
        float[] values = new float[rows * stride];
        ushort[] codes = new ushort[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = i + 1;
            codes[i] = (ushort)(i + 1);
        }

        float[] turned = Filled(), widened = Filled();
        FloatTurn.Turn(ref values[0], stride, rows, columns, ref turned[0], toStride);
        FloatTurn.Turn(ref codes[0], stride, rows, columns, ref widened[0], toStride);
        for (int j = 0; j < columns; j++)
        {
            for (int i = 0; i < toStride; i++)
            {
                int from = i * stride + j;
                float fill = i < lines ? 0f : Untouched;
                Assert.Equal(i < rows ? values[from] : fill, turned[j * toStride + i]);
                Assert.Equal(i < rows ? BitConverter.UInt32BitsToSingle((uint)codes[from] << 16) : fill, widened[j * toStride + i]);
            }
        }

        float[] Filled()
        {
            float[] all = new float[columns * toStride];
            Array.Fill(all, Untouched);
            return all;
        }
    }
}
