using System.CommandLine;
using System.Text.RegularExpressions;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Verbs;

/// <summary><c>dsref list</c>: the cases of the manifest.</summary>
internal static class ListVerb
{
    public static Command Command(Terminal terminal)
    {
        Option<string?> filter = SharedOptions.Filter();
        Option<string?> golden = SharedOptions.Golden();
        Option<bool> json = SharedOptions.Json();
        var command = new Command("list", "Lists the cases of the manifest: id, level, witnesses.\n\nExample:\n  dsref list --filter \"^attention\"") { filter, golden, json };
        command.SetAction(parsed =>
        {
            using var source = new GoldenSource(parsed.GetValue(golden));
            Regex wanted = SharedOptions.MakeFilter(parsed.GetValue(filter));
            GoldenRecord[] records = [.. source.Manifest().Records.Where(r => CaseAlias.Matches(wanted, r.Id))];
            if (parsed.GetValue(json))
                WriteJson(terminal, records);
            else
                WriteLines(terminal, records);
            return records.Length > 0 ? ExitCode.Pass : ExitCode.NothingRan;
        });
        return command;
    }

    private static void WriteLines(Terminal terminal, GoldenRecord[] records)
    {
        foreach (GoldenRecord r in records)
            terminal.Out.WriteLine($"{(r.Level == CaseLevel.Quick ? "quick" : "full "),-6} {r.Id}{(r.Witness.Count > 0 ? "  witness " + string.Join(", ", r.Witness) : "")}");
    }

    private static void WriteJson(Terminal terminal, GoldenRecord[] records) => JsonOutput.Write(terminal, "list", json =>
    {
        json.WriteStartArray("cases");
        foreach (GoldenRecord r in records)
        {
            json.WriteStartObject();
            json.WriteString("id", r.Id);
            json.WriteString("level", r.Level == CaseLevel.Quick ? "quick" : "full");
            json.WriteString("contract", r.Contract);
            json.WriteStartArray("witness");
            foreach (string witness in r.Witness)
                json.WriteStringValue(witness);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
