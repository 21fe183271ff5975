using System.Text;

namespace DeepSeek.Reference.Tests.Checkpoints;

/// <summary>Safetensors files made byte by byte, sound or not, in a folder that goes with the test.</summary>
internal sealed class SafetensorsBytes : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("dsref-");

    public string Folder => folder.FullName;

    /// <summary>The header's text for tensors, each given as name, dtype, shape without brackets, begin, end.</summary>
    public static string Header(params (string Name, string DType, string Shape, long Begin, long End)[] tensors) =>
        "{" + string.Join(",", tensors.Select(t => $"\"{t.Name}\":{{\"dtype\":\"{t.DType}\",\"shape\":[{t.Shape}],\"data_offsets\":[{t.Begin},{t.End}]}}")) + "}";

    /// <summary>A path in the folder.</summary>
    public string At(string name) => Path.Combine(folder.FullName, name);

    /// <summary>A file of a header with its true length, and data of zeros.</summary>
    public string File(string header, int dataLength, string name = "t.safetensors") => File(Encoding.UTF8.GetBytes(header), dataLength, name);

    /// <inheritdoc cref="File(string, int, string)"/>
    public string File(byte[] header, int dataLength, string name = "t.safetensors") => Raw((ulong)header.Length, header, dataLength, name);

    /// <summary>A file whose header length may be a lie.</summary>
    public string Raw(ulong statedLength, byte[] header, int dataLength, string name = "t.safetensors")
    {
        string path = At(name);
        System.IO.File.WriteAllBytes(path, [.. BitConverter.GetBytes(statedLength), .. header, .. new byte[dataLength]]);
        return path;
    }

    /// <summary>A file of these bytes.</summary>
    public string Bytes(string name, params byte[] bytes)
    {
        string path = At(name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>A file of this text.</summary>
    public string Text(string name, string text) => Bytes(name, Encoding.UTF8.GetBytes(text));

    public void Dispose() => folder.Delete(recursive: true);
}
