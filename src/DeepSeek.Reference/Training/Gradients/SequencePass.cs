using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Ops;

namespace DeepSeek.Reference.Training;

/// <summary>A weight that is not a projection, with its checkpoint name.</summary>
internal sealed record NamedWeight(string Name, Tensor Value);

/// <summary>What the layers of one sequence's forward and backward share, and their common steps.</summary>
internal sealed class SequencePass
{
    private readonly ModelNumerics n;
    private readonly Fp8Products? fp8;
    private readonly WideProducts wide;

    public SequencePass(ModelNumerics numerics, IBackwardBackend backend, Casts casts, GradientSet gradients, int tokens, CancellationToken cancelled)
    {
        Cancelled = cancelled;
        n = numerics;
        Backend = backend;
        Casts = casts;
        Gradients = gradients;
        Tokens = tokens;
        wide = new WideProducts(backend, casts, casts.Precision.BFloat16Sums ?? n.Contract.Accumulation);
        if (casts.Precision.Recipe == PrecisionRecipe.Fp8)
            fp8 = new Fp8Products(backend, casts.Precision.Product);
        Positions = new Tensor(DType.I32, tokens);
        for (int t = 0; t < tokens; t++)
            Positions.AsSpan<int>()[t] = t;
    }

    /// <summary>Runs the operations.</summary>
    public IBackwardBackend Backend { get; }

    /// <summary>Does the recipe's casts.</summary>
    public Casts Casts { get; }

    /// <summary>What is added to.</summary>
    public GradientSet Gradients { get; }

    /// <summary>Looked at before each product.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>T.</summary>
    public int Tokens { get; }

    /// <summary>0 to T - 1, I32 [T].</summary>
    public Tensor Positions { get; }

    /// <summary>Whether the backward computes again what <see cref="TrainingPrecision.Recompute"/> names.</summary>
    public bool Recompute => Casts.Precision.Recompute;

    /// <summary>Whether products of projections are FP8.</summary>
    public bool IsFp8 => fp8 is not null;

    /// <summary>A new F32 tensor.</summary>
    public static Tensor New(params ReadOnlySpan<long> shape) => new(DType.F32, shape);

    /// <summary>The input of projections, cast for them.</summary>
    public LinearInput Input(Tensor x, Projection first, InputRole role = InputRole.Plain, bool keepValues = false) => new(Casts, x, role, first.Name, keepValues);

    /// <summary>x Wᵀ of a projection.</summary>
    public Tensor Linear(Tensor x, LinearInput input, Projection p)
    {
        if (fp8 is null)
            return Casts.Round(CastPoint.LinearOutput, Linear(x, Casts.Weight(p.Name, n.Products.Dense(p))), p.Name, "output");
        Cancelled.ThrowIfCancellationRequested();
        Tensor y = New(x.Shape[0], p.Weight.Shape[0]);
        fp8.Fprop(input.Rows!, OfProjection(p), y);
        return Casts.Round(CastPoint.LinearOutput, y, p.Name, "output");
    }

    /// <summary>x Wᵀ of a weight as it is given, without a rounding.</summary>
    public Tensor Linear(Tensor x, Tensor weight)
    {
        Cancelled.ThrowIfCancellationRequested();
        Tensor y = New(x.Shape[0], weight.Shape[0]);
        wide.Fprop(x, weight, y);
        return y;
    }

    /// <summary>x Wᵀ for each expert's rows.</summary>
    public Tensor Grouped(Tensor x, LinearInput input, ExpertPlan plan, ProjectionGroup group)
    {
        Tensor y = New(plan.Rows, group.Weights[0].Shape[0]);
        if (fp8 is not null)
            fp8.GroupedFprop(input.Rows!, plan.OffsetSpan, Array.ConvertAll(group.Experts, OfProjection), y);
        else if (Casts.Precision.Recipe == PrecisionRecipe.Fp32)
            n.Products.Grouped(x, plan.OffsetSpan, group, y);
        else
            wide.GroupedFprop(x, plan.OffsetSpan, DenseOf(group, plan), y);
        return Casts.Round(CastPoint.LinearOutput, y, group.Experts[0].Name, "output");
    }

    /// <summary>dx of a projection; its weight's gradient is added up first.</summary>
    public Tensor LinearBackward(Tensor dy, LinearInput x, Projection p)
    {
        if (fp8 is null)
            return LinearBackward(dy, x.Values, p.Name, Casts.Weight(p.Name, n.Products.Dense(p)));
        Cancelled.ThrowIfCancellationRequested();
        fp8.Wgrad(Casts.Quantize(CastPoint.WgradGradient, dy, p.Name, "output_gradient.wgrad"), x.OfWgrad(), Gradients[p.Name]);
        Tensor dx = New(dy.Shape[0], p.In);
        fp8.Dgrad(Casts.Quantize(CastPoint.DgradGradient, dy, p.Name, "output_gradient"), OfProjection(p), dx);
        return Casts.Round(CastPoint.LinearInputGradient, dx, p.Name, "input_gradient");
    }

    /// <summary>dx of a weight that is no projection, or that is given as products take it.</summary>
    public Tensor LinearBackward(Tensor dy, Tensor x, string name, Tensor weight)
    {
        Wgrad(dy, x, Gradients[name]);
        Tensor dx = New(x.Shape.Dimensions);
        Dgrad(dy, weight, dx);
        return Casts.Round(CastPoint.LinearInputGradient, dx, name, "input_gradient");
    }

    /// <summary>dy times a weight as it is given, without a rounding, to dx.</summary>
    public void Dgrad(Tensor dy, Tensor weight, Tensor dx)
    {
        Cancelled.ThrowIfCancellationRequested();
        wide.Dgrad(dy, weight, dx);
    }

    /// <summary>dyᵀ x is added to a weight's gradient, or to some rows of it.</summary>
    public void Wgrad(Tensor dy, Tensor x, Tensor gradient)
    {
        Cancelled.ThrowIfCancellationRequested();
        wide.Wgrad(dy, x, gradient);
    }

    /// <summary>dx of a projection of every expert; the weights' gradients are added up first.</summary>
    /// <param name="dy">One row for each token and expert.</param>
    /// <param name="x">What the forward took.</param>
    /// <param name="plan">Whose rows they are.</param>
    /// <param name="group">The projections.</param>
    /// <param name="dispatched">Whether dy came to the experts as codes: down_proj's.</param>
    public Tensor GroupedBackward(Tensor dy, LinearInput x, ExpertPlan plan, ProjectionGroup group, bool dispatched)
    {
        Cancelled.ThrowIfCancellationRequested();
        Tensor[] gradients = Array.ConvertAll(group.Experts, e => Gradients[e.Name]);
        Tensor dx = New(dy.Shape[0], group.Experts[0].In);
        string name = group.Experts[0].Name;
        if (fp8 is null)
        {
            wide.GroupedWgrad(dy, x.Values, plan.OffsetSpan, gradients);
            wide.GroupedDgrad(dy, plan.OffsetSpan, DenseOf(group, plan), dx);
            return Casts.Round(CastPoint.LinearInputGradient, dx, name, "input_gradient");
        }

        Quantized rows = Casts.Quantize(dispatched ? CastPoint.DispatchedGradient : CastPoint.DgradGradient, dy, name, "output_gradient");
        CastPoint point = dispatched ? CastPoint.WgradDispatchedGradient : CastPoint.WgradGradient;
        Tensor kept = dispatched ? Casts.Dequantize(rows) : dy, inputs = x.Kept();
        for (int e = 0; e < gradients.Length; e++)
        {
            // A tile of 128 x 1 begins with an expert's first row.
            (int first, int count) = (plan.OffsetSpan[e], plan.OffsetSpan[e + 1] - plan.OffsetSpan[e]);
            if (count > 0)
                fp8.Wgrad(Casts.Quantize(point, kept.Rows(first, count), group.Experts[e].Name, "output_gradient.wgrad"), x.OfWgrad(inputs.Rows(first, count)), gradients[e]);
        }

        fp8.GroupedDgrad(rows, plan.OffsetSpan, Array.ConvertAll(group.Experts, OfProjection), dx);
        return Casts.Round(CastPoint.LinearInputGradient, dx, name, "input_gradient");
    }

    /// <summary>A weight that no FP8 product takes, as operations take it.</summary>
    public Tensor Weight(NamedWeight w) => Casts.Weight(w.Name, w.Value);

    /// <summary>RMSNorm(x) · w.</summary>
    public Tensor Norm(Tensor x, NamedWeight w)
    {
        Tensor y = New(x.Shape.Dimensions);
        return Casts.Round(CastPoint.NormOutput, n.Norm(x, Weight(w), y), w.Name, "output");
    }

    /// <summary>dx of a norm; its weight's gradient is added up.</summary>
    public Tensor NormBackward(Tensor dy, Tensor x, NamedWeight w)
    {
        Tensor dx = New(x.Shape.Dimensions);
        Backend.RmsNormBackward(dy, x, Weight(w), n.Epsilon, dx, Gradients[w.Name]);
        return Casts.Round(CastPoint.NormInputGradient, dx, w.Name, "input_gradient");
    }

    /// <summary>a + b, gradients that meet in a module, into a.</summary>
    public Tensor Add(Tensor a, Tensor b, string module)
    {
        Backend.Add(a, b, a);
        return Casts.Round(CastPoint.GradientSum, a, module, "gradient_sum");
    }

    private QuantizedWeight OfProjection(Projection p) => Casts.ProjectionWeight(p.Name, n.Products.Dense(p));

    private Tensor[] DenseOf(ProjectionGroup group, ExpertPlan plan)
    {
        if (Casts.Precision.Recipe != PrecisionRecipe.Fp32)
            return group.Dense(plan.OffsetSpan, p => Casts.Weight(p.Name, n.Products.Dense(p)));
        return group.IsPlain ? group.Weights : group.Dense(plan.OffsetSpan, n.Products.Dense);
    }
}
