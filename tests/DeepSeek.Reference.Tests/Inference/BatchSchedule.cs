using DeepSeek.Reference.Inference;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Tests.Inference;

/// <summary>Sequences that come and go at random (rule N1).</summary>
internal static class BatchSchedule
{
    /// <summary>Adds each request at its time, cancels an eighth of them, and runs to the end; whether each has what it has alone, only what could never fit was refused, and no page is lost.</summary>
    public static bool Holds(BatchGenerator generator, DeepSeekModel model, IReadOnlyList<BatchRequest> requests, Random random)
    {
        foreach (BatchRequest request in requests.OrderBy(r => r.Arrival))
        {
            while (generator.Steps < request.Arrival && generator.Step())
            {
            }

            try
            {
                request.Sequence = generator.Add(request.Prompt, request.Recording());
            }
            catch (DataException e) when (e.Message.Contains("pages", StringComparison.Ordinal))
            {
                if (LatentPagePool.PagesFor(request.Prompt.Length + request.Options.MaxTokens - 1) <= generator.Pool.PageCount)
                    return false;
            }

            if (random.Next(8) == 0)
                request.Sequence?.Cancel();
        }

        generator.Run();
        return requests.Where(r => r.Sequence is { State: not BatchState.Cancelled }).All(r => r.IsAsAlone(model))
            && generator.Running + generator.Waiting == 0 && FreeWhenIdle(generator);
    }

    /// <summary>Nothing but the index of prefixes holds a page, and it gives up every one.</summary>
    public static bool FreeWhenIdle(BatchGenerator generator)
    {
        while (generator.Pool.Reclaim?.Invoke() == true)
        {
        }

        return generator.Pool.FreePages == generator.Pool.PageCount;
    }
}
