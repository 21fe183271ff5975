using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DeepSeek.Reference.Tool;
using DeepSeek.Reference.Verification;

namespace DeepSeek.Reference.Native;

/// <summary>dsref_judge_options.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeJudgeOptions
{
    public nuint Size;
    public double Budget;
    public int Full;
    public ulong Seed;
}

/// <summary>dsref_report.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeReport
{
    public nuint Size;
    public Verdict Verdict;
    public byte* Check;
    public byte* Line;
    public byte* Case;
    public byte* Json;
}

/// <summary>dsref_comparison.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeComparison
{
    public nuint Size;
    public long Count;
    public long Mismatches;
    public long FirstMismatch;
    public long NaNMismatches;
    public long InfinityMismatches;
    public double MaxAbs;
    public double MaxRel;
    public double RelativeL2;
    public double MaxUlp;
    public double CalcDiff;
}

/// <summary>A judged call as the strings of a dsref_report.</summary>
internal static unsafe class ReportText
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Fills in a report.</summary>
    public static void Write(FileCheck check, CallReport judged, NativeReport* report)
    {
        OutputReport decides = judged.Outputs.MaxBy(o => o.Verdict)!;
        report->Verdict = judged.Verdict;
        report->Check = Own(judged.Check);
        report->Line = Own($"{judged.Verdict.Word()} {decides.Name}: {decides.Check}{(decides.Note.Length == 0 ? "" : ": " + decides.Note)}");
        report->Case = Own(check.Case.ToString());
        report->Json = Own(Json(check, judged));
    }

    /// <summary>Gives the strings back.</summary>
    public static void Free(NativeReport* report)
    {
        NativeMemory.Free(report->Check);
        NativeMemory.Free(report->Line);
        NativeMemory.Free(report->Case);
        NativeMemory.Free(report->Json);
        report->Check = report->Line = report->Case = report->Json = null;
    }

    /// <summary>What <c>dsref check --json</c> prints.</summary>
    private static string Json(FileCheck check, CallReport judged)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Indented))
        {
            json.WriteStartObject();
            json.WriteString("command", "check");
            json.WriteString("case", check.Case.ToString());
            json.WriteReport(judged);
            json.WriteNumber("exit", judged.Verdict.Passes() ? 0 : 1);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    /// <summary>A text in memory of its own.</summary>
    public static byte* Own(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        var bytes = (byte*)NativeMemory.Alloc((nuint)length + 1);
        Encoding.UTF8.GetBytes(text, new Span<byte>(bytes, length));
        bytes[length] = 0;
        return bytes;
    }
}
