using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.TensorCores;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tests.Rules;

/// <summary>A kept case with its inputs made once.</summary>
internal sealed class GoldenCase(OperationCase c, GoldenRecord golden)
{
    private readonly CaseTensors prepared = c.Prepare();
    private CaseTensors? right;
    private TensorCore? unit;

    public OperationCase Case => c;

    public GoldenRecord Golden => golden;

    /// <summary>The matrix unit that the case's sums are made by, if any.</summary>
    public TensorCore? Unit => unit ??= c.Call(prepared).Sum.Unit;

    /// <summary>The contract that the case's attention is computed by; null for rule N10 and for other operations.</summary>
    public AttentionContract? Attention => c.Operation == Operation.Attention && c.Call(prepared) is AttentionCall call ? call.Attributes.Contract : null;

    /// <summary>The tensors with the contract's own results.</summary>
    public CaseTensors Right
    {
        get
        {
            if (right is null)
            {
                right = Fresh();
                c.Run(new SimdBackend(1), right);
            }

            return right;
        }
    }

    /// <summary>Whether a backend gives other digests than the kept ones.</summary>
    public bool Differs(IBackend backend)
    {
        CaseTensors tensors = Fresh();
        c.Run(backend, tensors);
        return golden.Outputs.Any(o => CanonicalHash.Of(tensors[o.Key]) != o.Value.Sha256);
    }

    private CaseTensors Fresh()
    {
        var tensors = new CaseTensors();
        foreach (string name in prepared.Names)
            tensors[name] = c.Outputs.Any(o => o.Name == name) ? prepared[name].Clone() : prepared[name];
        return tensors;
    }
}

/// <summary>The kept cases that mutants run on: those that cost at most <see cref="Limit"/> multiply-adds, and the small models.</summary>
internal sealed class GoldenCases
{
    /// <summary>Above it a case shows nothing that a smaller one does not, and mutants are slow.</summary>
    public const long Limit = 12_000;

    private static readonly string[] ModelNames = ["bf16", "fp32_mtp", "fp32_yarn_long", "fp8_act", "fp8_act_ue8m0", "fp8_dequant"];

    private GoldenCases(GoldenManifest manifest)
    {
        Small = [.. from golden in manifest.Records
                    where !golden.Id.StartsWith("model[", StringComparison.Ordinal)
                    let c = OperationCase.Parse(golden.Id)
                    where c.MultiplyAdds <= Limit
                    select new GoldenCase(c, golden)];
        Models = [.. from golden in manifest.Records
                     where golden.Id.StartsWith("model[", StringComparison.Ordinal)
                     let model = ModelOutputs.Parse(CaseId.Parse(golden.Id))
                     where ModelNames.Contains(model.Name)
                     select (golden, Tests.Golden.Path("oracles", model.Name), model.Contract)];
        Count = manifest.Records.Count;
    }

    public static GoldenCases All { get; } = new(GoldenManifest.Parse(File.ReadAllBytes(Tests.Golden.Path("manifest.jsonl")), "golden/manifest.jsonl"));

    /// <summary>Lines of the manifest.</summary>
    public int Count { get; }

    public IReadOnlyList<GoldenCase> Small { get; }

    public IReadOnlyList<(GoldenRecord Golden, string Directory, NumericContract Contract)> Models { get; }
}
