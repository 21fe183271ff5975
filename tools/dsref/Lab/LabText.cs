using System.Text;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Training;

namespace DeepSeek.Reference.Tool.Lab;

/// <summary>Text that a small model can learn, made from a seed: words of syllables in sentences, each word followed by one of a few others, the first of them most often.</summary>
/// <remarks>
/// <code>
/// word i        one to three syllables of a consonant and a vowel
/// after word i  word (97 i + 31 r + 7 r²) mod 400, r = the zero bits at the end of a random word, 7 at most: 0 in half of all cases, 1 in a quarter ...
/// sentence      4 to 11 words;    document    24 sentences
/// </code>
/// Whole-number functions of the seed (rule N14).
/// </remarks>
internal static class LabText
{
    private const int Words = 400, Sentences = 24;
    private const string Consonants = "bdfghklmnprstvz", Vowels = "aeiou";

    /// <summary>That many documents.</summary>
    public static IEnumerable<TextDocument> Documents(ulong seed, int count)
    {
        var shapes = new RandomStream(seed, "lab.words");
        string[] words = [.. Enumerable.Range(0, Words).Select(i => Word(shapes.Block((ulong)i)))];
        for (int d = 0; d < count; d++)
            yield return new TextDocument($"document {d}", Document(new RandomStream(seed, "lab.text", (uint)d), words));
    }

    private static string Document(RandomStream random, string[] words)
    {
        var text = new StringBuilder();
        ulong at = 0;
        for (int s = 0; s < Sentences; s++)
        {
            int length = 4 + (int)(random.Word(at++) & 7);
            int word = (int)(random.Word(at++) % Words);
            for (int i = 0; i < length; i++)
            {
                text.Append(i == 0 ? "" : " ").Append(words[word]);
                int r = int.Min(7, int.TrailingZeroCount((int)random.Word(at++)));
                word = (97 * word + 31 * r + 7 * r * r) % Words;
            }

            text.Append(". ");
        }

        return text.ToString();
    }

    private static string Word((uint W0, uint W1, uint W2, uint W3) random)
    {
        var word = new StringBuilder();
        int syllables = 1 + (int)(random.W3 % 3);
        foreach (uint w in (uint[])[random.W0, random.W1, random.W2])
        {
            if (syllables-- > 0)
                word.Append(Consonants[(int)(w % (uint)Consonants.Length)]).Append(Vowels[(int)((w >> 8) % (uint)Vowels.Length)]);
        }

        return word.ToString();
    }
}
