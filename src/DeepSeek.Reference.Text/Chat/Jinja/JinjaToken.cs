namespace DeepSeek.Reference.Text;

/// <summary>What a piece of a template is.</summary>
internal enum JinjaKind
{
    /// <summary>Text that is written as it stands.</summary>
    Text,

    /// <summary>{%.</summary>
    BlockBegin,

    /// <summary>%}.</summary>
    BlockEnd,

    /// <summary>{{.</summary>
    PrintBegin,

    /// <summary>}}.</summary>
    PrintEnd,

    /// <summary>A name or keyword.</summary>
    Name,

    /// <summary>A whole number.</summary>
    Number,

    /// <summary>A quoted string, without its quotes and escapes.</summary>
    String,

    /// <summary>An operator or bracket.</summary>
    Operator,

    /// <summary>Behind the last piece.</summary>
    End,
}

/// <summary>A piece of a template, and where it begins.</summary>
internal readonly record struct JinjaToken(JinjaKind Kind, string Text, int At);
