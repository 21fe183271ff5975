namespace DeepSeek.Reference.Tests.Model;

/// <summary>V3's config.json with members replaced or removed; values are JSON text.</summary>
internal sealed class ConfigText
{
    private readonly System.Text.Json.Nodes.JsonObject members =
        System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllBytes(Golden.Path("configs", "deepseek-v3", "config.json")))!.AsObject();

    public string this[string field]
    {
        set => members[field] = System.Text.Json.Nodes.JsonNode.Parse(value);
    }

    public void Remove(string field) => members.Remove(field);

    public override string ToString() => members.ToJsonString();
}
