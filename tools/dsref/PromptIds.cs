using System.Globalization;
using System.Text.Json;

namespace DeepSeek.Reference.Tool;

/// <summary>Reads token ids from <c>--ids 1,2,3</c> or from an <c>--ids-file</c> that holds [[...],[...]], one array a row.</summary>
internal static class PromptIds
{
    /// <summary>The rows of exactly one of the two sources; each has at least one id.</summary>
    /// <exception cref="DataException">None or both were given, something is not an id, or a row is empty.</exception>
    public static IReadOnlyList<int[]> Read(string? ids, string? file)
    {
        if (ids is null == file is null)
            throw new DataException(ids is null ? "no ids; give --ids 1,2,3 or --ids-file F.json" : "--ids and --ids-file were both given; give one of them");
        return ids is not null ? [Row(ids)] : Rows(file!);
    }

    private static int[] Row(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new DataException("--ids is empty; a prompt has at least one id");
        string[] parts = text.Split(',');
        int[] row = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out row[i]))
                throw new DataException($"--ids, position {i}: '{parts[i].Trim()}' is not a token id (a whole number from 0); write --ids 1,2,3");
        }

        return row;
    }

    private static List<int[]> Rows(string path)
    {
        byte[] bytes = Bytes(path);
        var rows = new List<int[]>();
        try
        {
            var json = new Utf8JsonReader(bytes);
            Expect(ref json, JsonTokenType.StartArray, path);
            while (Next(ref json, path) == JsonTokenType.StartArray)
            {
                var row = new List<int>();
                while (Next(ref json, path) != JsonTokenType.EndArray)
                {
                    if (json.TokenType != JsonTokenType.Number || !json.TryGetInt32(out int id) || id < 0)
                        throw new DataException($"{path}, row {rows.Count}, position {row.Count}, byte {json.TokenStartIndex}: not a token id (a whole number from 0)");
                    row.Add(id);
                }

                if (row.Count == 0)
                    throw new DataException($"{path}, row {rows.Count}: the row is empty; a prompt has at least one id");
                rows.Add([.. row]);
            }

            if (json.TokenType != JsonTokenType.EndArray || json.Read())
                throw new DataException($"{path}, byte {json.TokenStartIndex}: expected rows of ids, [[1,2],[3,4]]");
        }
        catch (JsonException e)
        {
            throw new DataException($"{path}, line {e.LineNumber + 1}: not JSON; expected rows of ids, [[1,2],[3,4]]", e);
        }

        if (rows.Count == 0)
            throw new DataException($"{path}: no rows; a prompt has at least one id");
        return rows;
    }

    private static byte[] Bytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (FileError.IsInputOutput(e))
        {
            throw FileError.CannotRead(path, e);
        }
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type, string path)
    {
        if (Next(ref json, path) != type)
            throw new DataException($"{path}, byte {json.TokenStartIndex}: expected rows of ids, [[1,2],[3,4]]");
    }

    private static JsonTokenType Next(ref Utf8JsonReader json, string path) =>
        json.Read() ? json.TokenType : throw new DataException($"{path}: the file ends early; expected rows of ids, [[1,2],[3,4]]");
}
