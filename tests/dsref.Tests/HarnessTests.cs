using System.Runtime.CompilerServices;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>Each check of <see cref="CallHarness"/> is able to fail, and names what it found.</summary>
public sealed class HarnessTests
{
    private static readonly OperationCase Add = OperationCase.Parse("add[n=100]");

    [Fact]
    public void What_is_right_passes() => Assert.Equal((Verdict.Bits, "bits"), Found(Add, call => call.Run(new ScalarBackend())));

    [Fact]
    public void A_byte_behind_the_output_is_a_canary() => Assert.Equal((Verdict.Fail, "canary"), Found(Add, call =>
    {
        Right(call);
        Unsafe.Add(ref call["y"].ByteOrigin, (nint)call["y"].ByteCount + 3) = 0;
    }));

    [Fact]
    public void A_byte_before_an_input_is_a_canary() => Assert.Equal((Verdict.Fail, "canary"), Found(Add, call =>
    {
        Right(call);
        // The first call's tensors have no canaries: what lies before them is not the test's to write.
        if (call["a"].AsReadOnlySpan<float>()[0] == First)
            Unsafe.Add(ref call["a"].ByteOrigin, (nint)(-1)) = 0;
    }));

    [Fact]
    public void A_changed_input_is_a_mutation() => Assert.Equal((Verdict.Fail, "mutation"), Found(Add, call =>
    {
        Right(call);
        call["b"].AsSpan<float>()[99] += 1;
    }));

    [Fact]
    public void An_element_left_as_it_was_is_poison()
    {
        HarnessReport report = Run(Add, call =>
        {
            Tensor own = call["y"].Clone();
            Right(call.Replace(o => o.Name == "y" ? own : o.Tensor));
            own.AsReadOnlySpan<float>()[..57].CopyTo(call["y"].AsSpan<float>());
        });
        Assert.Equal((Verdict.Fail, "poison"), (report.Verdict, report.Check));
        Assert.Contains("element 57", report.Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("indexed_scaled_linear[r=8,g=2,n=5,k=128,align=4]", 3)]
    [InlineData("masked_scaled_linear[m=4,g=2,n=5,k=128]", 2)]
    public void A_row_that_stays_as_it_is_must_not_be_written(string c, int row) => Assert.Equal((Verdict.Fail, "untouched"), Found(OperationCase.Parse(c), call =>
    {
        Right(call);
        call["y"].AsSpan<ushort>()[row * 5] = 0;
    }));

    [Fact]
    public void Runs_that_differ_at_one_place_are_a_repeat_and_nondeterministic()
    {
        int calls = 0;
        HarnessReport report = Run(Add, call =>
        {
            Right(call);
            if (++calls == 3)
                call["y"].AsSpan<float>()[5] += 1;
        });
        Assert.Equal((Verdict.Fail, "repeat", true), (report.Verdict, report.Check, report.Nondeterministic));
        Assert.Contains("y[5]", report.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_that_differ_by_address_are_a_placement()
    {
        HarnessReport report = Run(Add, call =>
        {
            Right(call);
            if (!IsAligned(call["a"]))
                call["y"].AsSpan<float>()[0] += 1;
        });
        Assert.Equal((Verdict.Fail, "placement", true), (report.Verdict, report.Check, report.Nondeterministic));
    }

    [Fact]
    public void In_a_free_order_every_run_is_judged()
    {
        int calls = 0;
        HarnessReport report = CallHarness.Run(Add, new Spoiled(call =>
        {
            Right(call);
            if (++calls == 3)
                call["y"].AsSpan<float>()[5] += 1;
        }), new HarnessOptions { FreeOrder = true });
        Assert.Equal((Verdict.Fail, true), (report.Verdict, report.Nondeterministic));
    }

    [Fact]
    public void A_result_kept_from_the_call_before_is_not_the_right_one()
    {
        Tensor? kept = null;
        Assert.Equal(Verdict.Fail, Run(Add, call =>
        {
            Right(call);
            kept ??= call["y"].Clone();
            kept.CopyTo(call["y"]);
        }).Verdict);
    }

    [Fact]
    public void A_code_left_as_it_was_is_poison_and_a_result_equal_to_the_poison_is_none()
    {
        OperationCase c = OperationCase.Parse("quantize[t=2,k=256]");
        Assert.Equal((Verdict.Fail, "poison"), Found(c, call =>
        {
            Tensor left = call["codes"].Clone();
            Right(call);
            call["codes"].AsSpan<byte>()[300] = left.AsReadOnlySpan<byte>()[300];
        }));
        // The value NaN makes a row of NaN codes, which are what codes are poisoned with.
        Assert.Equal((Verdict.Bits, "bits"), Found(OperationCase.Parse("quantize[t=2,k=256,map=special]"), Right));
    }

    [Fact]
    public void One_run_alone_makes_one_call_and_two_make_three()
    {
        int calls = 0;
        var counted = new Spoiled(call =>
        {
            Right(call);
            calls++;
        });
        Assert.Equal(1, CallHarness.Run(Add, counted, new HarnessOptions { Repeat = 1 }).Runs);
        Assert.Equal(1, calls);
        Assert.Equal(2, CallHarness.Run(Add, counted, new HarnessOptions { Repeat = 2 }).Runs);
        Assert.Equal(4, calls);
    }

    [Fact]
    public void A_refusal_is_a_skip_with_its_reason()
    {
        HarnessReport report = Run(Add, _ => throw new ContractException("not offered here"));
        Assert.Equal((Verdict.Skip, "not offered here"), (report.Verdict, report.Note));
    }

    [Fact]
    public void What_a_run_reads_beyond_an_input_is_not_a_number() => Assert.True(float.IsNaN(Peek(HarnessBuffer.Holding(Tensor.From([1f], 1), 0).Tensor)));

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    [InlineData(DType.F8_E4M3)]
    [InlineData(DType.U16)]
    [InlineData(DType.I32)]
    [InlineData(DType.I64)]
    public void Poison_is_found_where_it_is_and_nowhere_else(DType dtype)
    {
        Tensor tensor = HarnessBuffer.Poisoned(new Tensor(dtype, 9), 1).Tensor;
        Assert.Equal(0, HarnessBuffer.FirstPoison(tensor));
        new Tensor(dtype, 7).CopyTo(tensor.Rows(0, 7));
        Assert.Equal(7, HarnessBuffer.FirstPoison(tensor));
        Assert.True(HarnessBuffer.IsPoison(tensor, 8));
        Assert.False(HarnessBuffer.IsPoison(tensor, 6));
        Assert.Equal(!HarnessBuffer.IsCode(dtype), HarnessBuffer.IsPoison(HarnessBuffer.Poisoned(tensor, 0, 1).Tensor, 0)); // codes: another in every second run
        new Tensor(dtype, 9).CopyTo(tensor);
        Assert.Null(HarnessBuffer.FirstPoison(tensor));
    }

    private static float First => Add.Prepare()["a"].AsReadOnlySpan<float>()[0];

    private static (Verdict, string) Found(OperationCase c, Action<OperationCall> does)
    {
        HarnessReport report = Run(c, does);
        return (report.Verdict, report.Check);
    }

    private static HarnessReport Run(OperationCase c, Action<OperationCall> does) => CallHarness.Run(c, new Spoiled(does), new HarnessOptions());

    private static void Right(OperationCall call) => call.Run(new ScalarBackend());

    private static unsafe bool IsAligned(Tensor t) => (nuint)Unsafe.AsPointer(ref t.ByteOrigin) % 64 == 0;

    private static float Peek(Tensor t) => Unsafe.ReadUnaligned<float>(ref Unsafe.Add(ref t.ByteOrigin, (nint)t.ByteCount));

    private sealed class Spoiled(Action<OperationCall> does) : CallBackend
    {
        public override string Name => "spoiled";

        protected override void Invoke(OperationCall call) => does(call);
    }
}
