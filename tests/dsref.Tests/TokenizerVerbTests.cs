using System.Diagnostics;

namespace DeepSeek.Reference.Tool.Tests;

/// <summary>dsref tokenizer, and Ctrl-C in a chat.</summary>
public sealed class TokenizerVerbTests(Models models) : IClassFixture<Models>
{
    [Fact]
    public void The_same_texts_give_the_same_file_in_any_order()
    {
        string a = models.Write("the cat sat on the mat, the cat", ".txt"), b = models.Write("語 語 that hat", ".txt"), first = models.NewPath(".json"), second = models.NewPath(".json");
        Outcome made = Train("--in", a, b, "--vocab-size", "270", "--out", first).Passes();
        Assert.Equal($"{first}: 270 ids, 6 of them merged", made.Out.TrimEnd());
        Train("--in", b, "--in", a, "--vocab-size", "270", "--out", second).Passes();
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(second));
        string rows = models.Write("""{"text":"the cat"}""", ".jsonl");
        Assert.Contains("\"ids\":[", CommandLine.Run("tokenize", "--tokenizer", first, "--in", rows).Passes().Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_alone_are_264_ids()
    {
        string file = models.NewPath(".json");
        Assert.Equal($"{file}: 264 ids, 0 of them merged", CommandLine.Run("tokenizer", "bytes", "--out", file).Passes().Out.TrimEnd());
    }

    [Fact]
    public void What_cannot_be_trained_on_is_named()
    {
        string text = models.Write("abc", ".txt"), bad = models.NewPath(".txt"), output = models.NewPath(".json");
        File.WriteAllBytes(bad, [0x61, 0xFF]);
        Train("--in", bad, "--vocab-size", "300", "--out", output).RefusesWith(2, "byte 1: not UTF-8");
        Train("--in", text, "--vocab-size", "263", "--out", output).RefusesWith(2, "263", "264");
        Train("--in", text, "--vocab-size", "300", "--out", text).RefusesWith(2, "this is an input");
        Train("--in", models.NewPath(".txt"), "--vocab-size", "300", "--out", output).RefusesWith(2, "no such file");
        Assert.False(File.Exists(output));
    }

    [Fact]
    public async Task Ctrl_C_stops_an_answer_and_the_chat_goes_on()
    {
        // On the definitions, without an end: some hundred tokens that take seconds.
        using Process chat = CommandLine.Start([], "chat", "--model", TextModel.Make(models), "--backend", "scalar", "--max-tokens", "600", "--logit-bias", "1=-Infinity");
        Task<string> errors = chat.StandardError.ReadToEndAsync();
        await chat.StandardInput.WriteLineAsync("Hi");
        await chat.StandardInput.FlushAsync();
        Assert.NotEqual(-1, chat.StandardOutput.Read());
        using (Process kill = Process.Start("kill", ["-INT", chat.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        await chat.StandardInput.WriteLineAsync("/reset");
        await chat.StandardInput.WriteLineAsync("/exit");
        chat.StandardInput.Close();
        await chat.StandardOutput.ReadToEndAsync();
        using var lost = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await chat.WaitForExitAsync(lost.Token);
        Assert.Equal(0, chat.ExitCode);
        Assert.Contains("stopped", await errors, StringComparison.Ordinal);
    }

    private static Outcome Train(params string[] arguments) => CommandLine.Run(["tokenizer", "train", .. arguments]);
}
