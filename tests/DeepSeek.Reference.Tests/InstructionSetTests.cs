using DeepSeek.Reference.Numerics;
using Xunit;

namespace DeepSeek.Reference.Tests;

/// <summary>Rule N1 across instruction sets: the marked tests, those of kept bits and of invariances, pass under each of them.</summary>
public sealed class InstructionSetTests
{
    /// <summary>Enough for the marked tests on a slow machine without intrinsics; a child that hangs is killed.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    [Theory]
    [MemberData(nameof(InstructionSets.Theory), MemberType = typeof(InstructionSets))]
    public void Rule_N1_the_marked_tests_pass_under_each_instruction_set(InstructionSet set)
    {
        InstructionSets.Outcome outcome = InstructionSets.RunMarkedTests(set, Limit);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
    }

    /// <summary>Definition against twin once more where the twin is another one. Without AVX2 the twins are the definitions, and kept bits hold them.</summary>
    [Fact]
    public void Rule_N1_definitions_and_twins_agree_on_256_bits_too()
    {
        const string tests = "DeepSeek.Reference.Tests.";
        InstructionSets.Outcome outcome = InstructionSets.RunNamespaces(InstructionSets.Confined[0], Limit, tests + "Numerics", tests + "Ops", tests + "Backends");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
    }
}

/// <summary>Runs in every child: the switches did what the parent asked for.</summary>
[Trait(InstructionSets.Trait, InstructionSets.Every)]
public sealed class InstructionSetProbe
{
    [Fact]
    public void The_process_takes_the_path_its_switches_name()
    {
        string? expected = Environment.GetEnvironmentVariable(InstructionSets.ExpectedPath);
        // The parent runs on the best path the machine has, whatever that is.
        if (expected is not null)
            Assert.Equal(expected, Isa.Name);
    }
}
