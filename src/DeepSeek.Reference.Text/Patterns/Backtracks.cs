namespace DeepSeek.Reference.Text;

/// <summary>The places that a search may come back to, and the steps it has taken; one for each text.</summary>
internal sealed class Backtracks(int units)
{
    private (int Pc, int At, int Least)[] stack = new (int, int, int)[64];

    /// <summary>UTF-16 units of the whole text.</summary>
    public int Units { get; } = units;

    /// <summary>Steps of all searches so far.</summary>
    public long Steps { get; set; }

    /// <summary>Places on the stack.</summary>
    public int Depth { get; set; }

    /// <summary>Notes a place; with <paramref name="least"/> from 0, all places down to it, the last one first.</summary>
    public void Push(int pc, int at, int least)
    {
        if (Depth == stack.Length)
            Array.Resize(ref stack, 2 * stack.Length);
        stack[Depth++] = (pc, at, least);
    }

    /// <summary>Takes the latest place above a floor.</summary>
    public bool Pop(ReadOnlySpan<char> text, int floor, out int pc, out int at)
    {
        if (Depth == floor)
        {
            (pc, at) = (0, 0);
            return false;
        }

        ref (int Pc, int At, int Least) top = ref stack[Depth - 1];
        pc = top.Pc;
        if (top.Least < 0)
        {
            at = top.At;
            Depth--;
            return true;
        }

        top.At--;
        if (char.IsLowSurrogate(text[top.At]))
            top.At--;
        at = top.At;
        if (top.At == top.Least)
            Depth--;
        return true;
    }
}
