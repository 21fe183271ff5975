namespace DeepSeek.Reference.Verification;

/// <summary>What the lines of one file of vectors are, and how a line is evaluated.</summary>
internal interface IVectorKind
{
    /// <summary>In words, for reports.</summary>
    string Name { get; }

    /// <summary>Whether the field is read, as an operand, a result or a remark.</summary>
    bool Knows(string field);

    /// <summary>None where every result of the line is equal, else the first that is not.</summary>
    /// <exception cref="DataException">The line is malformed.</exception>
    VectorDifference? Check(VectorLine line);
}
