using System.Diagnostics;
using System.Reflection;
using Xunit;

namespace DeepSeek.Reference.Tests.House;

/// <summary>What a debugger shows: DebuggerDisplay strings and type proxies, evaluated as a debugger evaluates them.</summary>
public sealed class DebuggerViewTests
{
    [Fact]
    public void A_tensor_shows_its_dtype_shape_and_range() =>
        Assert.Equal("F32 [2, 3] -2.5 .. 4", Display(Tensor.From([1f, -2.5f, 0f, 4f, 0.5f, 0f], 2, 3)));

    [Fact]
    public void A_tensor_counts_its_NaNs() => Assert.Equal("F32 [3] 1 .. 2, 1 NaN", Display(Tensor.From([1f, float.NaN, 2f], 3)));

    [Fact]
    public void A_tensor_of_NaNs_alone_says_so() => Assert.Equal("F32 [1] all NaN", Display(Tensor.From([float.NaN], 1)));

    [Fact]
    public void An_empty_tensor_shows_its_shape() => Assert.Equal("F32 [0, 4]", Display(new Tensor(DType.F32, 0, 4)));

    [Fact]
    public void A_bfloat16_tensor_shows_values_not_codes() =>
        Assert.Equal("BF16 [2] -1 .. 3", Display(Tensor.From([BFloat16.Round(-1f), BFloat16.Round(3f)], 2)));

    [Fact]
    public void A_tensor_of_an_eight_bit_format_shows_values_not_codes()
    {
        Assert.Equal("F8_E4M3 [3] -448 .. 1, 1 NaN", Display(Tensor.From([Float8E4M3.MinValue, Float8E4M3.One, Float8E4M3.NaN], 3)));
        Assert.Equal("F8_E5M2 [2] 1 .. ∞", Display(Tensor.From([Float8E5M2.One, Float8E5M2.PositiveInfinity], 2)).Replace("Infinity", "∞", StringComparison.Ordinal));
        Assert.Equal("F8_E8M0 [1] 0.5 .. 0.5", Display(Tensor.From([Float8E8M0.FromBits(0x7E)], 1)));
        Assert.Equal(["1 (0x38)", "-0 (0x80)", "NaN (0xFF)"], Proxy(Tensor.From([Float8E4M3.One, Float8E4M3.FromBits(0x80), Float8E4M3.FromBits(0xFF)], 3)));
    }

    [Fact]
    public void A_bfloat16_shows_its_value_and_its_bits() => Assert.Equal("1.5 (0x3FC0)", Display(BFloat16.Round(1.5f)));

    [Fact]
    public void The_proxy_of_a_binary32_tensor_decodes_each_value_with_its_bits() =>
        Assert.Equal(["1 (0x3F800000)", "-0 (0x80000000)", "NaN (0x7FC00000)"], Proxy(Tensor.From([1f, -0f, BitConverter.UInt32BitsToSingle(0x7FC00000)], 3)));

    [Fact]
    public void The_proxy_of_a_bfloat16_tensor_decodes_each_code() =>
        Assert.Equal(["1 (0x3F80)", "-2 (0xC000)"], Proxy(Tensor.From([BFloat16.Round(1f), BFloat16.Round(-2f)], 2)));

    [Fact]
    public void The_proxy_of_an_integer_tensor_shows_integers() => Assert.Equal(["7", "-3"], Proxy(Tensor.From([7, -3], 2)));

    [Fact]
    public void The_proxy_of_a_large_tensor_shows_the_first_64() => Assert.Equal(64, Proxy(new Tensor(DType.F32, 1000)).Length);

    [Fact]
    public void Each_type_with_a_DebuggerDisplay_has_the_members_it_names()
    {
        foreach (Type type in typeof(Tensor).Assembly.GetTypes())
        {
            if (type.GetCustomAttribute<DebuggerDisplayAttribute>() is not { } display || type.Name.Contains('<', StringComparison.Ordinal))
                continue;
            foreach (string part in display.Value.Split('{').Skip(1))
            {
                string name = part[..part.IndexOfAny(['}', ',', '(', '.'])];
                Assert.True(Member(type, name) is not null, $"{type}: DebuggerDisplay names {name}, which it does not have");
            }
        }
    }

    private static string Display(object value)
    {
        string format = value.GetType().GetCustomAttribute<DebuggerDisplayAttribute>()!.Value;
        Assert.Equal("{DebuggerDisplay,nq}", format);
        return (string)((PropertyInfo)Member(value.GetType(), "DebuggerDisplay")!).GetValue(value)!;
    }

    private static string[] Proxy(object value)
    {
        string proxyName = value.GetType().GetCustomAttribute<DebuggerTypeProxyAttribute>()!.ProxyTypeName;
        Type proxy = Type.GetType(proxyName, throwOnError: true)!;
        PropertyInfo root = proxy.GetProperties().Single(p => p.GetCustomAttribute<DebuggerBrowsableAttribute>()?.State == DebuggerBrowsableState.RootHidden);
        return (string[])root.GetValue(Activator.CreateInstance(proxy, value))!;
    }

    private static MemberInfo? Member(Type type, string name) =>
        type.GetMember(name, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance).FirstOrDefault();
}
