namespace DeepSeek.Reference.Text;

/// <summary>Reads <c>added_tokens</c>.</summary>
internal static class AddedTokenReader
{
    /// <summary>The tokens; their ids are those of the vocabulary where it has the text, else their own.</summary>
    public static List<AddedToken> Read(TokenizerField field, BpeModelReader model)
    {
        var tokens = new List<AddedToken>();
        var texts = new HashSet<string>();
        var ids = new HashSet<int>();
        if (field.IsNull)
            return tokens;
        foreach (TokenizerField line in field.Items())
        {
            line.Allow("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
            bool special = line.Flag("special", false);
            var token = new AddedToken(line.Required("id").Id(), line.Required("content").Text())
            {
                Special = special,
                Normalized = line.Flag("normalized", !special),
                LeftStrip = line.Flag("lstrip", false),
                RightStrip = line.Flag("rstrip", false),
                SingleWord = line.Flag("single_word", false),
            };
            if (token.Content.Length == 0)
                throw line.Refuse("the content is empty");
            if (!texts.Add(token.Content) || !ids.Add(token.Id))
                throw line.Refuse("the id or the content came before");
            if (model.IdOf(token.Content) is { } known ? known != token.Id : model.Holds(token.Id))
                throw line.Refuse("the id is not the one that model.vocab gives this text, or that of another token there");
            tokens.Add(token);
        }

        return tokens;
    }
}
