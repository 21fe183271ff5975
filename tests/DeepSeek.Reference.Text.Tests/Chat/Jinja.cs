using System.Text.Json;

namespace DeepSeek.Reference.Text.Tests.Chat;

/// <summary>Renders templates for values that are given as JSON, as a chat's are.</summary>
internal static class Jinja
{
    public static Dictionary<string, object?> Values(string json) => (Dictionary<string, object?>)JinjaJson.Read(JsonDocument.Parse(json).RootElement)!;

    public static string Render(string template, string json = "{}") => new JinjaTemplate(template, "t").Render(Values(json));
}
