using System.Text;

namespace DeepSeek.Reference.Text;

/// <summary>Decodes ids one by one: no character comes before all its bytes are there. Together the parts are what <see cref="DeepSeekTokenizer.Decode(ReadOnlySpan{int}, bool)"/> gives.</summary>
public sealed class TokenStream
{
    private readonly DeepSeekTokenizer tokenizer;
    private readonly bool skipSpecialTokens;
    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();

    internal TokenStream(DeepSeekTokenizer tokenizer, bool skipSpecialTokens) => (this.tokenizer, this.skipSpecialTokens) = (tokenizer, skipSpecialTokens);

    /// <summary>The text that an id completes; empty where its last character still lacks bytes.</summary>
    public string Append(int id) => Convert(tokenizer.Bytes(id, skipSpecialTokens), flush: false);

    /// <summary>U+FFFD where the last character was never completed, else nothing.</summary>
    public string Finish() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        var text = new char[bytes.Length + 4];
        return new string(text, 0, decoder.GetChars(bytes, text, flush));
    }
}
