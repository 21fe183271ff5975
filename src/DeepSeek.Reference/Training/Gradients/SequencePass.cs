using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;

namespace DeepSeek.Reference.Training;

/// <summary>A weight that is not a projection, with its checkpoint name.</summary>
internal sealed record NamedWeight(string Name, Tensor Value);

/// <summary>What the layers of one sequence's forward and backward share, and their common steps.</summary>
internal sealed class SequencePass
{
    private readonly ModelNumerics n;

    public SequencePass(ModelNumerics numerics, IBackwardBackend backend, GradientSet gradients, int tokens, CancellationToken cancelled)
    {
        Cancelled = cancelled;
        n = numerics;
        Backend = backend;
        Gradients = gradients;
        Tokens = tokens;
        Positions = new Tensor(DType.I32, tokens);
        for (int t = 0; t < tokens; t++)
            Positions.AsSpan<int>()[t] = t;
    }

    /// <summary>Runs the operations.</summary>
    public IBackwardBackend Backend { get; }

    /// <summary>What is added to.</summary>
    public GradientSet Gradients { get; }

    /// <summary>Looked at before each product.</summary>
    public CancellationToken Cancelled { get; }

    /// <summary>T.</summary>
    public int Tokens { get; }

    /// <summary>0 to T - 1, I32 [T].</summary>
    public Tensor Positions { get; }

    /// <summary>A new F32 tensor.</summary>
    public static Tensor New(params ReadOnlySpan<long> shape) => new(DType.F32, shape);

    /// <summary>x Wᵀ.</summary>
    public Tensor Linear(Tensor x, Projection p) => Linear(x, n.Products.Dense(p));

    /// <inheritdoc cref="Linear(Tensor, Projection)"/>
    public Tensor Linear(Tensor x, Tensor weight)
    {
        Cancelled.ThrowIfCancellationRequested();
        Tensor y = New(x.Shape[0], weight.Shape[0]);
        Backend.Linear(x, weight, n.Contract.Accumulation, y);
        return y;
    }

    /// <summary>dx of a projection; its weight's gradient is added up first.</summary>
    public Tensor LinearBackward(Tensor dy, Tensor x, Projection p) => LinearBackward(dy, x, p.Name, n.Products.Dense(p));

    /// <inheritdoc cref="LinearBackward(Tensor, Tensor, Projection)"/>
    public Tensor LinearBackward(Tensor dy, Tensor x, string name, Tensor weight)
    {
        Cancelled.ThrowIfCancellationRequested();
        Backend.LinearWgrad(dy, x, n.Contract.Accumulation, Gradients[name]);
        Tensor dx = New(x.Shape.Dimensions);
        Backend.LinearDgrad(dy, weight, n.Contract.Accumulation, dx);
        return dx;
    }

    /// <summary>RMSNorm(x) · w.</summary>
    public Tensor Norm(Tensor x, NamedWeight w)
    {
        Tensor y = New(x.Shape.Dimensions);
        return n.Norm(x, w.Value, y);
    }

    /// <summary>dx of a norm; its weight's gradient is added up.</summary>
    public Tensor NormBackward(Tensor dy, Tensor x, NamedWeight w)
    {
        Tensor dx = New(x.Shape.Dimensions);
        Backend.RmsNormBackward(dy, x, w.Value, n.Epsilon, dx, Gradients[w.Name]);
        return dx;
    }

    /// <summary>a + b, into a.</summary>
    public Tensor Add(Tensor a, Tensor b)
    {
        Backend.Add(a, b, a);
        return a;
    }
}
