using System.Text;

namespace DeepSeek.Reference.Verification.Explaining;

/// <summary>Names of an enumeration as contracts write them: lower case, words joined by a dash.</summary>
internal static class EnumWord
{
    /// <summary>The word of a value: ActivationFirstFused is activation-first-fused, F32TowardZero f32-toward-zero.</summary>
    public static string Of<T>(T value) where T : struct, Enum
    {
        string name = value.ToString();
        var word = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsUpper(name[i]) && !char.IsUpper(name[i - 1]))
                word.Append('-');
            word.Append(char.ToLowerInvariant(name[i]));
        }

        return word.ToString();
    }

    /// <summary>The value of a word, or null; never one of those left out.</summary>
    public static T? Find<T>(string word, params T[] except) where T : struct, Enum
    {
        foreach (T value in Enum.GetValues<T>())
        {
            if (Of(value) == word && !except.Contains(value))
                return value;
        }

        return null;
    }
}
