namespace DeepSeek.Reference.Model;

/// <summary>Neighbouring rows of a buffer: of tokens <paramref name="At"/> and on, <paramref name="Count"/> of them from row <paramref name="Row"/> on.</summary>
internal readonly record struct RowRun(int Row, int At, int Count);
