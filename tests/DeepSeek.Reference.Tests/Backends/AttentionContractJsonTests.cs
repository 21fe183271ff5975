using System.Buffers;
using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Backends;

/// <summary>docs/spec/worker.md 4: an attention contract crosses to a worker with every field.</summary>
public class AttentionContractJsonTests
{
    [Fact]
    public void The_contract_of_every_case_is_read_back_as_it_was()
    {
        var seen = new HashSet<AttentionContract>();
        foreach (OperationCase c in CaseCatalogue.All.Where(c => c.MultiplyAdds < 1_000_000 && c.ToString().StartsWith("attention[", StringComparison.Ordinal)))
        {
            var call = (AttentionCall)c.Call(c.Prepare());
            JsonElement attributes = Written(call);
            Assert.Equal(call.Attributes.Contract is not null, attributes.TryGetProperty("contract", out JsonElement contract));
            if (call.Attributes.Contract is not { } expected)
                continue;
            Assert.Equal(expected, AttentionContractJson.Read(contract));
            seen.Add(expected);
        }

        Assert.True(seen.Count > 60, $"{seen.Count} contracts");
    }

    [Fact]
    public void A_field_that_is_missing_or_nonsense_is_named()
    {
        void Names(string key, string json) =>
            Assert.Contains($"field '{key}'", Assert.Throws<DataException>(() => AttentionContractJson.Read(JsonDocument.Parse(json).RootElement)).Message, StringComparison.Ordinal);

        Names("name", "{}");
        Names("name", "[]");
        Names("schedule", """{"name": "x", "schedule": "0"}""");
        Names("block", """{"name": "x", "schedule": "online", "block": 1.5}""");
    }

    private static JsonElement Written(OperationCall call)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            CallAttributes.Write(call, json);
        return JsonDocument.Parse(buffer.WrittenMemory).RootElement;
    }
}
