using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Inference;

/// <summary>Refuses prompts and options that a model cannot take.</summary>
internal static class GenerationChecks
{
    /// <summary>Options that mean nothing.</summary>
    /// <exception cref="ContractException">Names the option and its range.</exception>
    /// <exception cref="DataException">A bias for an id outside the vocabulary.</exception>
    public static void Options(DeepSeekConfig config, GenerationOptions options)
    {
        if (options.MaxTokens < 0)
            throw new ContractException($"{options.MaxTokens} new tokens were asked for (MaxTokens, --max-tokens); give a number from 0");
        if (options.PrefillChunk < 0)
            throw new ContractException($"a prompt in chunks of {options.PrefillChunk} ids was asked for (PrefillChunk); give a number from 1, or 0 for the whole prompt at once");
        if (!(options.Temperature >= 0) || float.IsInfinity(options.Temperature))
            throw new ContractException($"a temperature of {options.Temperature} was asked for; it is a number from 0");
        SamplingRules.Check(options);
        if (options.Drafts < 0)
            throw new ContractException($"{options.Drafts} drafts a pass were asked for; it is a number from 1, or 0 for none");
        if (options.Drafts > 0 && config.NumNextnPredictLayers == 0)
            throw new ContractException($"{options.Drafts} drafts a pass were asked for, but the configuration has num_nextn_predict_layers 0: this model has no MTP module to draft with");
        foreach (int id in options.LogitBias?.Keys ?? [])
        {
            if (id < 0 || id >= config.VocabSize)
                throw new DataException($"a bias is given for the id {id}, which is not in [0, {config.VocabSize})");
        }
    }

    /// <summary>A prompt of a row.</summary>
    /// <exception cref="DataException">It is empty, too long, or has an id outside the vocabulary; names row and position.</exception>
    public static void Prompt(DeepSeekConfig config, int row, int[] prompt)
    {
        if (prompt.Length == 0)
            throw new DataException($"row {row} is empty; a prompt has at least one id");
        if (prompt.Length > config.MaxPositionEmbeddings)
            throw new DataException($"row {row} has {prompt.Length} ids, but max_position_embeddings is {config.MaxPositionEmbeddings}; shorten the prompt, or take a model that sees more");
        for (int i = 0; i < prompt.Length; i++)
        {
            if (prompt[i] < 0 || prompt[i] >= config.VocabSize)
                throw new DataException($"row {row}, position {i}: id {prompt[i]} is not in [0, {config.VocabSize}); use ids of this model's vocabulary");
        }
    }

    /// <summary>Rows and options.</summary>
    public static void All(DeepSeekConfig config, IReadOnlyList<int[]> prompts, GenerationOptions options)
    {
        Options(config, options);
        if (prompts.Count == 0)
            throw new DataException("no prompt was given; give at least one row of ids");
        for (int r = 0; r < prompts.Count; r++)
            Prompt(config, r, prompts[r]);
    }
}
