using System.Reflection;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;
using Xunit;

namespace DeepSeek.Reference.Tests.Verification;

/// <summary>A library's backend may have the forward alone: its gradients are skipped with the reason, and nothing else is.</summary>
public class BackendWithoutGradientsTests
{
    [Fact]
    public void Its_gradients_are_skipped_and_say_why()
    {
        IBackend backend = DispatchProxy.Create<IBackend, ForwardAlone>();
        int skipped = 0;
        foreach (OperationCase c in CaseCatalogue.All.Where(c => c.MultiplyAdds <= 20_000).DistinctBy(c => c.Operation))
        {
            // A proxy cannot pass spans on, which grouped products take.
            MethodInfo? forward = typeof(IBackend).GetMethod(c.Operation.ToString());
            if (forward?.GetParameters().Any(p => p.ParameterType.IsByRefLike) == true)
                continue;
            OperationVerdict verdict = OperationJudge.Judge(c, null, backend, new HarnessOptions());
            bool backward = forward is null;
            Assert.Equal(backward ? Verdict.Skip : Verdict.Bits, verdict.Verdict);
            if (backward)
            {
                skipped++;
                Assert.Contains("forward alone has no backward operations: it is no IBackwardBackend", verdict.Detail, StringComparison.Ordinal);
            }
        }

        Assert.Equal(17, skipped);
    }

    /// <summary>The SIMD backend behind <see cref="IBackend"/> and nothing more.</summary>
    public class ForwardAlone : DispatchProxy
    {
        private readonly SimdBackend whole = new(1);

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == "get_Name" ? "forward alone" : targetMethod.Invoke(whole, BindingFlags.DoNotWrapExceptions, null, args, null);
    }
}
