using System.Runtime.CompilerServices;

namespace DeepSeek.Reference.Backends;

/// <summary>What a tensor's values were made from (rule N14), so that another program can make them too and they need not be sent.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Name">The name that the random words are drawn under.</param>
/// <param name="Map">The map from words to values (docs/spec/goldens.md).</param>
/// <param name="Again">Makes the tensor once more.</param>
/// <remarks>It says what the tensor held when it was made; whoever relies on it compares digests, since anyone may have written to it since.</remarks>
internal sealed record TensorOrigin(ulong Seed, string Name, string Map, Func<Tensor> Again)
{
    private static readonly ConditionalWeakTable<Tensor, TensorOrigin> Known = [];

    /// <summary>Where a tensor's values came from, if that is known.</summary>
    public static TensorOrigin? Of(Tensor tensor) => Known.TryGetValue(tensor, out TensorOrigin? origin) ? origin : null;

    /// <summary>Remembers where a tensor's values came from.</summary>
    public static void Set(Tensor tensor, TensorOrigin origin) => Known.AddOrUpdate(tensor, origin);

    /// <summary>A copy has its original's origin.</summary>
    public static void Carry(Tensor from, Tensor to)
    {
        if (Of(from) is { } origin)
            Set(to, origin);
    }
}
