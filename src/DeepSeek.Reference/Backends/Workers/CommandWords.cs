namespace DeepSeek.Reference.Backends;

/// <summary>Splits a command as it is typed into its words: blanks separate, single and double quotes hold together, a backslash takes the next character as it is (not within single quotes).</summary>
internal static class CommandWords
{
    /// <summary>The words.</summary>
    /// <exception cref="ContractException">A quote is not closed, or there is no word.</exception>
    public static string[] Split(string command)
    {
        var words = new List<string>();
        var word = new System.Text.StringBuilder();
        bool inWord = false;
        char quote = '\0';
        for (int i = 0; i < command.Length; i++)
        {
            char c = command[i];
            if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else if (c == '\\' && quote == '"' && i + 1 < command.Length)
                    word.Append(command[++i]);
                else
                    word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                inWord = true;
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c == '\\' && i + 1 < command.Length ? command[++i] : c);
                inWord = true;
            }
        }

        if (quote != '\0')
            throw new ContractException($"backend command `{command}`: the quote {quote} is not closed");
        if (inWord)
            words.Add(word.ToString());
        return words.Count > 0 ? [.. words] : throw new ContractException("the backend command is empty; name a program");
    }
}
