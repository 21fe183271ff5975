using DeepSeek.Reference.Numerics;

namespace DeepSeek.Reference.Backends;

/// <summary>One call of a method of <see cref="IBackwardBackend"/>.</summary>
/// <remarks>
/// A gradient that is added to what a tensor holds, D = C + S, has two operands here: the input <c>c</c> and the output. So C is data like every other input, made from
/// the seed and seen to be unchanged, and a case may be run again. A library's backend adds to the output, into which C is copied first; a program is given both.
/// Operations write binary32; <see cref="RoundsOutputs"/> is for judging kernels that write bfloat16.
/// </remarks>
internal abstract record BackwardCall(Operation Operation) : OperationCall(Operation)
{
    /// <summary>Whether an output may be BF16: the operation's result, C included, rounded once to nearest even. Otherwise it is refused, as by the operation.</summary>
    public bool RoundsOutputs { get; init; }

    /// <inheritdoc/>
    /// <exception cref="ContractException">The backend has no backward operations.</exception>
    public sealed override void Run(IBackend backend)
    {
        switch (backend)
        {
            case CallBackend calls:
                calls.Make(this);
                break;
            case IBackwardBackend able:
                if (RoundsOutputs && Outputs.Any(IsNarrow))
                    Rounded(able);
                else
                    Run(able);
                break;
            default:
                throw new ContractException($"{backend.Name} has no backward operations: it is no {nameof(IBackwardBackend)}");
        }
    }

    /// <summary>The call on binary32 outputs, which are then rounded.</summary>
    private void Rounded(IBackwardBackend backend)
    {
        var wide = (BackwardCall)Replace(o => o.Role == OperandRole.Output && IsNarrow(o) ? new Tensor(DType.F32, o.Tensor.Shape) : o.Tensor);
        wide.Run(backend);
        foreach (Operand output in Outputs)
        {
            if (IsNarrow(output))
                BFloat16Spans.Round(wide[output.Name].AsReadOnlySpan<float>(), output.Tensor.AsSpan<BFloat16>());
        }
    }

    private static bool IsNarrow(Operand o) => o.Tensor.DType == DType.BF16;

    /// <summary>Makes the call on a backend that has it.</summary>
    protected abstract void Run(IBackwardBackend backend);

    /// <summary>The output, holding what is added to.</summary>
    /// <exception cref="ShapeException">The two are not of one shape and dtype.</exception>
    protected static Tensor Holding(Tensor c, Tensor output)
    {
        Reference.Operands.RequireType(c, "c", output.DType);
        Reference.Operands.RequireShape(c, "c", output.Shape.Dimensions);
        if (!ReferenceEquals(c, output))
            c.CopyTo(output);
        return output;
    }
}
