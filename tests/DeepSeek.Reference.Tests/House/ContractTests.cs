using System.Numerics;
using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>Rule N2, N5, N6 as a fence: what gives other bits on other machines cannot be called from inside the contract.</summary>
public sealed partial class ContractTests
{
    /// <summary>Exact by IEEE-754 or by integers, the same on every machine.</summary>
    private static readonly HashSet<string> ExactMath =
    [
        "Abs", "BigMul", "BitDecrement", "BitIncrement", "Ceiling", "Clamp", "CopySign", "DivRem", "Floor", "FusedMultiplyAdd", "ILogB",
        "Max", "MaxMagnitude", "Min", "MinMagnitude", "Round", "ScaleB", "Sign", "Sqrt", "Truncate",
    ];

    /// <summary>Element by element, exact; and the two index searches, which were the same at every width.</summary>
    private static readonly HashSet<string> ExactTensorPrimitives =
    [
        "Abs", "Add", "AddMultiply", "ConvertToHalf", "ConvertToSingle", "ConvertTruncating", "ConvertChecked", "ConvertSaturating", "CopySign", "Divide",
        "FusedMultiplyAdd", "IndexOfMax", "IndexOfMin", "Max", "Min", "Multiply", "MultiplyAdd", "Negate", "Reciprocal", "Round", "Sqrt", "Subtract",
    ];

    /// <summary>Functions of the number types and of the vector classes that come from the platform, or whose order is the platform's.</summary>
    private static readonly HashSet<string> PlatformFunctions =
    [
        "Acos", "Acosh", "AcosPi", "Asin", "Asinh", "AsinPi", "Atan", "Atan2", "Atanh", "AtanPi", "Cbrt", "Cos", "Cosh", "CosPi", "DegreesToRadians",
        "Exp", "Exp10", "Exp10M1", "Exp2", "Exp2M1", "ExpM1", "Hypot", "Ieee754Remainder", "Lerp", "Log", "Log10", "Log10P1", "Log2", "Log2P1", "LogP1",
        "Pow", "RadiansToDegrees", "RootN", "Sin", "SinCos", "SinCosPi", "Sinh", "SinPi", "Tan", "Tanh", "TanPi",
    ];

    /// <summary>Sums of a vector's lanes, in an order that the width decides.</summary>
    private static readonly HashSet<string> LaneSums = ["Dot", "Sum"];

    /// <summary>Folders whose results are judgements about bits, never the bits themselves.</summary>
    private static readonly (string Folder, string Reason)[] OutsideFolders =
    [
        ("Verification/", "independent oracles and statistics of errors, in binary64"),
    ];

    /// <summary>Calls inside the contract that look forbidden and are not; each line with its reason. A line that nothing needs any more fails.</summary>
    private static readonly (string File, string Target, string Reason)[] Exceptions = [];

    [Fact]
    public void Rule_N2_N5_N6_nothing_inside_the_contract_calls_what_differs_between_machines()
    {
        using var code = new IntermediateLanguage(typeof(Tensor).Assembly);
        var used = new HashSet<int>();
        var broken = new SortedSet<string>(StringComparer.Ordinal);
        foreach (IntermediateLanguage.Call call in code.Calls())
        {
            if (Forbidden(call.Target) is not { } why || OutsideFolders.Any(f => call.File.StartsWith(f.Folder, StringComparison.Ordinal)))
                continue;
            string target = $"{call.Target.DeclaringType!.Name}.{call.Target.Name}";
            int exception = Array.FindIndex(Exceptions, e => e.File == call.File && e.Target == target);
            if (exception >= 0)
                used.Add(exception);
            else
                broken.Add($"{call.File}: {call.Caller.Name} calls {target}: {why}");
        }

        Assert.True(broken.Count == 0, string.Join('\n', broken));
        Assert.Equal(Exceptions.Length, used.Count);
    }

    [Theory]
    [InlineData(typeof(MathF), "Exp")]
    [InlineData(typeof(Math), "Pow")]
    [InlineData(typeof(float), "Sin")]
    [InlineData(typeof(double), "Log2")]
    [InlineData(typeof(float), "MultiplyAddEstimate")]
    [InlineData(typeof(MathF), "ReciprocalSqrtEstimate")]
    [InlineData(typeof(TensorPrimitives), "Dot")]
    [InlineData(typeof(TensorPrimitives), "SoftMax")]
    [InlineData(typeof(Vector512), "Sum")]
    [InlineData(typeof(Vector256), "Exp")]
    [InlineData(typeof(Vector128), "MultiplyAddEstimate")]
    [InlineData(typeof(System.Runtime.Intrinsics.X86.Avx512F), "Reciprocal14")]
    [InlineData(typeof(System.Runtime.Intrinsics.X86.Sse), "ReciprocalSqrt")]
    [InlineData(typeof(System.Runtime.Intrinsics.Arm.AdvSimd), "ReciprocalEstimate")]
    [InlineData(typeof(Vector), "Multiply")]
    [InlineData(typeof(Random), "NextSingle")]
    [InlineData(typeof(Environment), "GetEnvironmentVariable")]
    public void The_fence_sees(Type type, string name) => Assert.NotNull(Forbidden(Named(type, name)));

    [Theory]
    [InlineData(typeof(MathF), "FusedMultiplyAdd")]
    [InlineData(typeof(MathF), "Sqrt")]
    [InlineData(typeof(TensorPrimitives), "Multiply")]
    [InlineData(typeof(Vector512), "FusedMultiplyAdd")]
    [InlineData(typeof(Vector256), "Sqrt")]
    public void The_fence_lets_through(Type type, string name) => Assert.Null(Forbidden(Named(type, name)));

    /// <summary>Rooms from the bottom up; a room knows those before it. Tensors, checkpoints and configurations share the root namespace.</summary>
    private static readonly string[] Rooms = ["Numerics", "TensorCores", "Ops", "Backends", "Tracing", "Model", "Inference", "Training", "Verification"];

    [Fact]
    public void A_room_knows_only_the_rooms_below_it()
    {
        var upwards = new List<string>();
        for (int room = 0; room < Rooms.Length; room++)
        {
            foreach (string file in Repository.Files($"src/DeepSeek.Reference/{Rooms[room]}", ".cs"))
            {
                string text = Repository.ReadText(file);
                upwards.AddRange(Rooms[(room + 1)..].Where(above => text.Contains($"using DeepSeek.Reference.{above};", StringComparison.Ordinal)).Select(above => $"{file} knows {above}"));
            }
        }

        Assert.True(upwards.Count == 0, string.Join('\n', upwards));
    }

    [Fact]
    public void No_source_file_is_longer_than_400_lines()
    {
        string[] longer = [.. Repository.Files("src", ".cs").Where(f => File.ReadLines(Repository.Path(f)).Count() > 400)];
        Assert.True(longer.Length == 0, string.Join('\n', longer));
    }

    [Fact]
    public void No_source_file_is_named_like_a_drawer()
    {
        string[] drawers = [.. Repository.Files("", ".cs").Where(f => Drawer().IsMatch(Path.GetFileName(f)))];
        Assert.True(drawers.Length == 0, string.Join('\n', drawers));
    }

    [GeneratedRegex(@"(Utils?|Helpers?|Common|Manager|Misc)(\.|$)")]
    private static partial Regex Drawer();

    private static MethodInfo Named(Type type, string name) => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance).First(m => m.Name == name);

    private static string? Forbidden(MethodBase target)
    {
        Type type = target.DeclaringType ?? typeof(object);
        Type definition = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        string name = target.Name;
        if (name.Contains("Estimate", StringComparison.Ordinal))
            return "an estimate: its bits are the CPU's (rule N2)";
        if (definition == typeof(Math) || definition == typeof(MathF))
            return ExactMath.Contains(name) ? null : "the C runtime's function (rule N5)";
        if (definition == typeof(TensorPrimitives))
            return ExactTensorPrimitives.Contains(name) ? null : "its bits depend on the vector width (rules N5, N6)";
        if (definition == typeof(System.Numerics.Tensors.Tensor))
            return "tensor arithmetic of the platform (rules N5, N6)";
        if (definition == typeof(Vector) || definition == typeof(Vector<>))
            return "its width is the machine's (rule N6)";
        if (definition == typeof(Random))
            return "random numbers are Philox's (rule N14)";
        if (definition == typeof(Environment) && name == nameof(Environment.GetEnvironmentVariable))
            return "a decision lives in the contract, never in the environment (rule N1)";
        bool isNumber = definition == typeof(float) || definition == typeof(double) || definition == typeof(Half) || type.Namespace == "System.Numerics" && type.IsInterface;
        bool isVector = definition == typeof(Vector128) || definition == typeof(Vector256) || definition == typeof(Vector512) || definition == typeof(Vector64);
        if ((isNumber || isVector) && PlatformFunctions.Contains(name))
            return "a platform's function (rule N5)";
        if (isVector && LaneSums.Contains(name))
            return "the width decides the order of the sum (rule N6)";
        bool isIntrinsic = type.Namespace?.StartsWith("System.Runtime.Intrinsics.", StringComparison.Ordinal) == true;
        if (isIntrinsic && name.StartsWith("Reciprocal", StringComparison.Ordinal))
            return "an approximation: its bits are the CPU's (rule N2)";
        if (definition == typeof(Enumerable) && name is ("Sum" or "Average") && target is MethodInfo { ReturnType: var sum } && (sum == typeof(float) || sum == typeof(double)))
            return "a sum names its order (rule N7)";
        return null;
    }
}
