namespace DeepSeek.Reference;

/// <summary>Failures of the operating system, as one line that names the file and the remedy.</summary>
internal static class FileError
{
    /// <summary>True for what a missing, locked, forbidden or impossible path raises.</summary>
    public static bool IsInputOutput(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    /// <summary>The error of reading <paramref name="path"/>.</summary>
    public static DataException CannotRead(string path, Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => new DataException($"{path}: no such file; check the path", e),
        _ when Directory.Exists(path) => new DataException($"{path}: is a directory where a file is expected; name a file in it", e),
        UnauthorizedAccessException => new DataException($"{path}: reading is not permitted; check the file's permissions", e),
        _ => new DataException($"{path}: cannot be read: {OneLine(e.Message)}; check that the path and the device are sound", e),
    };

    /// <summary>The error of writing <paramref name="path"/>.</summary>
    public static DataException CannotWrite(string path, Exception e) => e switch
    {
        DirectoryNotFoundException => new DataException($"{path}: the directory does not exist; create it first", e),
        _ when Directory.Exists(path) => new DataException($"{path}: is a directory; name a file to write", e),
        UnauthorizedAccessException => new DataException($"{path}: writing is not permitted; check the directory's permissions", e),
        _ => new DataException($"{path}: cannot be written: {OneLine(e.Message)}; check free space and the path", e),
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.', ' ');
}
