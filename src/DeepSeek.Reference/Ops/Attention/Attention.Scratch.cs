using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Ops;

public static partial class Attention
{
    /// <summary>One thread's working memory, laid out in one piece: widened queries, scores, the panel of keys, product tiles, results.</summary>
    private readonly unsafe struct Scratch(float* memory, Scratch.Sizes sizes)
    {
        public float* Q => memory;

        public float* X => memory + sizes.Q;

        /// <summary>The first sums of scores in two sums.</summary>
        public float* Latent => X + sizes.X;

        public float* Panel => Latent + sizes.Latent;

        public float* Tiles => Panel + sizes.Panel;

        public float* Y => Tiles + sizes.Tiles;

        public float* LogSumExp => Y + sizes.Y;

        /// <summary>Distance of two rows of scores.</summary>
        public int Stride => sizes.Stride;

        public static Sizes For(AttentionOperands io, int rows)
        {
            // One vector more than the scores take: rows of a power of two would share their cache sets.
            int stride = AlignedFloats.WholeLines(io.Shape.T) + 16;
            int x = checked(rows * stride);
            return new(
                stride,
                AlignedFloats.WholeLines(rows * io.Shape.D),
                x,
                io.SplitChannel() > 0 ? x : 0,
                io.Shape.D * KeyProduct.Block,
                Math.Max(ResidueProduct.ScratchFloats(rows, io.Shape.D), ResidueProduct.ScratchFloats(RowsOfValues, io.Shape.T)),
                AlignedFloats.WholeLines(RowsOfValues * io.Shape.Dv),
                AlignedFloats.WholeLines(rows));
        }

        /// <summary>Lengths in floats, each a whole number of cache lines.</summary>
        public readonly record struct Sizes(int Stride, int Q, int X, int Latent, int Panel, int Tiles, int Y, int Lse)
        {
            public int Total => checked(Q + X + Latent + Panel + Tiles + Y + Lse);
        }
    }
}
