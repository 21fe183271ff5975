using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Faulty;

internal static partial class Bugs
{
    private const string Router = "gate[t=64,e=256,k=8,groups=8,kept=4]";

    /// <summary>The choice of experts and their weights.</summary>
    private static IEnumerable<Variant> Gates()
    {
        yield return Gate("ties-to-higher-index", "Among equal scores the higher index comes first.", new GateLoop { HigherFirst = true }, ["gate[t=16,e=32,k=8,groups=8,kept=4,map=tie]"]);
        yield return Gate("bias-in-weights", "The weights are made of biased scores.", new GateLoop { WeighsBiased = true }, [Router]);
        yield return Gate("bias-bf16", "The bias is rounded to bfloat16.", new GateLoop { Bias = BFloat16.RoundToFloat }, ["gate[t=1024,e=256,k=8,groups=8,kept=4]"]);
        yield return Gate("choice-bf16", "Experts are chosen by scores rounded to bfloat16.", new GateLoop { Choice = BFloat16.RoundToFloat }, ["gate[t=512,e=256,k=8,groups=8,kept=4]"]);
        yield return Variant.Instead<GateCall>("bias-ignored", "The bias takes no part.", [Router], c => c with { Bias = null });
        yield return Variant.Instead<GateCall>("group-mask-zero", "Dropped groups are masked with 0, which beats a negative biased score.", ["gate[t=256,e=32,k=16,groups=8,kept=4]"],
            c => c with { Attributes = c.Attributes with { Mask = GroupMask.Zero } });
        yield return Variant.Instead<GateCall>("group-score-max", "A group is scored by its best expert, not by its best two.", [Router],
            c => c with { Attributes = c.Attributes with { GroupScore = GroupScore.Max } });
        yield return Variant.Instead<GateCall>("groups-ignored", "Experts are chosen among all groups.", [Router], c => c with { Attributes = c.Attributes with { KeptGroups = c.Attributes.Groups } });
        yield return Variant.Instead<GateCall>("one-group-too-few", "One group fewer is kept.", [Router], c => c with { Attributes = c.Attributes with { KeptGroups = c.Attributes.KeptGroups - 1 } });
        yield return Variant.Instead<GateCall>("routed-scale-missing", "The weights lack the factor 2.5.", [Router], c => c with { Attributes = c.Attributes with { Scale = 1f } });
        yield return Variant.Instead<GateCall>("weights-not-normalised", "The weights are not divided by their sum.", [Router], c => c with { Attributes = c.Attributes with { Normalize = false } });
        yield return Gate("normalised-over-all", "The weights are divided by the sum over all experts.", new GateLoop { SumsAll = true }, [Router]);
        yield return Variant.Instead<GateCall>("softmax-for-sigmoid", "Scores are a softmax over the experts.", [Router], c => c with { Attributes = c.Attributes with { Scoring = ScoringFunction.Softmax } });
        yield return Gate("sigmoid-10-bits", "The sigmoid is a fast approximation of 2^-10.", new GateLoop { Sigmoid = Approximations.Sigmoid }, [Router]);
        yield return Variant.Instead<GateCall>("gate-epsilon", "1e-5 is added to the sum of the weights.", [Router], c => c with { Attributes = c.Attributes with { Epsilon = 1e-5f } });
        yield return Gate("expert-duplicated", "The last slot repeats the expert before it.", new GateLoop { RepeatsLast = true }, [Router]);
        yield return Gate("slots-by-id", "Slots stand in ascending order of experts.", new GateLoop { AscendingIds = true }, [Router]);
        yield return Gate("weights-misplaced", "Weights stand in ascending order of experts, ids do not.", new GateLoop { MisplacesWeights = true }, [Router]);
        yield return Variant.Instead<GateCall>("router-logits-bf16", "The router's logits are rounded to bfloat16.", ["gate[t=128,e=256,k=8,groups=8,kept=4]"], c => c with { Logits = Values.Map(c.Logits, BFloat16.RoundToFloat) });
    }

    internal static Variant Gate(string name, string sentence, GateLoop loop, IReadOnlyList<string> cases) => Variant.Of<GateCall>(name, sentence, cases, (c, _) => loop.Run(c));
}
