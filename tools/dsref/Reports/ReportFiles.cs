namespace DeepSeek.Reference.Tool.Reports;

/// <summary>The files that a run was asked to write: opened before it begins, so that a folder that is not there is known at once, and complete at its end or not there.</summary>
internal sealed class ReportFiles : IDisposable
{
    private readonly List<(AtomicFile File, string Path, Action<Stream, ReportRun> Write)> files = [];

    /// <summary>Opens them; null stands for none.</summary>
    /// <exception cref="DataException">One cannot be written, or both are one.</exception>
    public ReportFiles(string? junit, string? html)
    {
        if (junit is not null && html is not null && Path.GetFullPath(junit) == Path.GetFullPath(html))
            throw new DataException($"--junit and --html both name {junit}; give two files");
        try
        {
            if (junit is not null)
                files.Add((new AtomicFile(junit), junit, JUnitReport.Write));
            if (html is not null)
                files.Add((new AtomicFile(html), html, HtmlReport.Write));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Writes all.</summary>
    /// <exception cref="DataException">One cannot be written.</exception>
    public void Write(ReportRun run)
    {
        foreach ((AtomicFile file, string path, Action<Stream, ReportRun> write) in files)
        {
            try
            {
                write(file.Stream, run);
            }
            catch (IOException e)
            {
                throw FileError.CannotWrite(path, e);
            }

            file.Commit();
        }
    }

    /// <summary>Leaves what was not written as it was.</summary>
    public void Dispose()
    {
        foreach ((AtomicFile file, _, _) in files)
            file.Dispose();
    }
}
