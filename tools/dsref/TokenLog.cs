using System.Text.Json;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Tool;

/// <summary>The log-probabilities of the tokens that were chosen, and of the most probable ones beside them: log-softmax of the model's logits, before penalties, temperature and filters.</summary>
internal sealed class TokenLog(DeepSeekModel model, int rows, int top)
{
    private readonly List<(int Id, float LogProbability, (int Id, float LogProbability)[] Top)>[] log = [.. Enumerable.Range(0, rows).Select(_ => new List<(int, float, (int, float)[])>())];
    private readonly Tensor logits = new(DType.F32, new Shape(1, model.Config.VocabSize)), latest = new(DType.F32, new Shape(1, model.Config.VocabSize));

    /// <summary>Takes the logits of a choice.</summary>
    public void TakeLogits(Tensor row)
    {
        Tensor wide = row;
        if (row.DType != DType.F32)
        {
            BFloat16Spans.Widen(row.AsReadOnlySpan<BFloat16>(), logits.AsSpan<float>());
            wide = logits;
        }

        model.Backend.LogSoftmax(wide, latest);
    }

    /// <summary>Notes the token that was chosen from the latest logits.</summary>
    public void TakeToken(int row, int id)
    {
        ReadOnlySpan<float> values = latest.AsReadOnlySpan<float>();
        var order = new int[Math.Min(top, values.Length)];
        TopK.Choose(values, order);
        var best = new (int, float)[order.Length];
        for (int i = 0; i < order.Length; i++)
            best[i] = (order[i], values[order[i]]);
        log[row].Add((id, values[id], best));
    }

    /// <summary>Writes a row's tokens.</summary>
    public void Write(Utf8JsonWriter json, int row)
    {
        json.WriteStartArray("logprobs");
        foreach ((int id, float value, (int Id, float LogProbability)[] best) in log[row])
        {
            json.WriteStartObject();
            Write(json, id, value);
            json.WriteStartArray("top");
            foreach ((int other, float its) in best)
            {
                json.WriteStartObject();
                Write(json, other, its);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, int id, float value)
    {
        json.WriteNumber("id", id);
        if (float.IsFinite(value))
            json.WriteNumber("logprob", value);
        else
            json.WriteString("logprob", "-Infinity");
    }
}
