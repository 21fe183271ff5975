using System.Globalization;
using System.Text;

namespace DeepSeek.Reference.Tool;

/// <summary>Writes texts as they come: that of one row as it is, those of several line by line, each line behind its row's number.</summary>
/// <remarks>Lines of different rows alternate as they are completed. The lines of a row, joined, are its text.</remarks>
internal sealed class StreamedTexts(Terminal terminal, int rows)
{
    private readonly StringBuilder[] open = [.. Enumerable.Range(0, rows).Select(_ => new StringBuilder())];

    /// <summary>A part of a row's text.</summary>
    public void Append(int row, string part)
    {
        if (rows == 1)
        {
            terminal.Say(part);
            return;
        }

        string[] lines = part.Split('\n');
        foreach (string line in lines[..^1])
        {
            open[row].Append(line);
            EndLine(row);
        }

        open[row].Append(lines[^1]);
    }

    /// <summary>The ends of the texts.</summary>
    public void Finish()
    {
        if (rows == 1)
            terminal.Out.WriteLine();
        for (int row = 0; rows > 1 && row < rows; row++)
            EndLine(row);
    }

    private void EndLine(int row)
    {
        terminal.Say(string.Create(CultureInfo.InvariantCulture, $"row {row}: {open[row]}"));
        terminal.Out.WriteLine();
        open[row].Clear();
    }
}
