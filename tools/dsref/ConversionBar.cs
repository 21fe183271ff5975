using Spectre.Console;

namespace DeepSeek.Reference.Tool;

/// <summary>Shows how far a conversion is, on standard error: a bar on a terminal, a line every ten seconds in a log.</summary>
internal static class ConversionBar
{
    /// <summary>Runs the conversion and tells of it.</summary>
    public static ConversionReport Run(Terminal terminal, string verb, Func<IProgress<ConversionProgress>, ConversionReport> conversion)
    {
        if (!terminal.ErrorIsTerminal)
        {
            using var lines = new Progress(terminal);
            return conversion(new Teller(p => lines.Show($"{verb}, {p.Shard}, MiB", p.BytesDone >> 20, p.BytesTotal >> 20)));
        }

        return terminal.ErrorDisplay.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn())
            .Start(shown =>
            {
                ProgressTask bar = shown.AddTask(verb, maxValue: 1);
                return conversion(new Teller(p =>
                {
                    bar.Description = Markup.Escape(Terminal.Plain(p.Shard));
                    bar.MaxValue = Math.Max(1, p.BytesTotal);
                    bar.Value = p.BytesDone;
                }));
            });
    }

    /// <summary>Tells at once and on the caller's thread, unlike <see cref="Progress{T}"/>.</summary>
    private sealed class Teller(Action<ConversionProgress> tell) : IProgress<ConversionProgress>
    {
        public void Report(ConversionProgress value) => tell(value);
    }
}
