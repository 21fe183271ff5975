using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace DeepSeek.Reference.Tests.House;

/// <summary>What the compiled library calls, method by method, with the source file each method came from.</summary>
internal sealed class IntermediateLanguage : IDisposable
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<int, OpCode> Codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(c => (int)(ushort)c.Value);

    private readonly Assembly assembly;
    private readonly FileStream stream;
    private readonly PEReader image;
    private readonly MetadataReaderProvider provider;

    public IntermediateLanguage(Assembly assembly)
    {
        this.assembly = assembly;
        stream = File.OpenRead(assembly.Location);
        image = new PEReader(stream);
        DebugDirectoryEntry embedded = image.ReadDebugDirectory().Single(e => e.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        provider = image.ReadEmbeddedPortablePdbDebugDirectoryData(embedded);
    }

    /// <summary>A call, a load of a method's address, or an object construction.</summary>
    /// <param name="File">Source file below the project's folder, with forward slashes.</param>
    /// <param name="Caller">The method with the call in it.</param>
    /// <param name="Target">What it calls.</param>
    public sealed record Call(string File, MethodBase Caller, MethodBase Target);

    /// <summary>Every call of every method that has a source file.</summary>
    public IEnumerable<Call> Calls()
    {
        foreach (Type type in assembly.GetTypes())
        {
            foreach (MethodBase method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
            {
                if (method.GetMethodBody()?.GetILAsByteArray() is not { } code || SourceOf(method) is not { } file)
                    continue;
                foreach (int token in MethodTokens(code))
                {
                    MethodBase? target = method.Module.ResolveMethod(
                        token,
                        type.IsGenericType ? type.GetGenericArguments() : null,
                        method.IsGenericMethod ? method.GetGenericArguments() : null);
                    if (target is not null)
                        yield return new Call(file, method, target);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        provider.Dispose();
        image.Dispose();
        stream.Dispose();
    }

    private string? SourceOf(MethodBase method)
    {
        MetadataReader symbols = provider.GetMetadataReader();
        var handle = (MethodDefinitionHandle)System.Reflection.Metadata.Ecma335.MetadataTokens.Handle(method.MetadataToken);
        MethodDebugInformation information = symbols.GetMethodDebugInformation(handle);
        DocumentHandle document = information.Document.IsNil
            ? information.GetSequencePoints().Select(p => p.Document).FirstOrDefault()
            : information.Document;
        if (document.IsNil)
            return null;
        string name = symbols.GetString(symbols.GetDocument(document).Name).Replace('\\', '/');
        const string folder = "src/DeepSeek.Reference/";
        int at = name.LastIndexOf(folder, StringComparison.Ordinal);
        return at < 0 || name.Contains("/obj/", StringComparison.Ordinal) ? null : name[(at + folder.Length)..];
    }

    private static IEnumerable<int> MethodTokens(byte[] code)
    {
        int at = 0;
        while (at < code.Length)
        {
            int value = code[at++];
            if (value == 0xFE)
                value = 0xFE00 | code[at++];
            OpCode operation = Codes[value];
            switch (operation.OperandType)
            {
                case OperandType.InlineMethod:
                    yield return BitConverter.ToInt32(code, at);
                    at += 4;
                    break;
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    at += 1;
                    break;
                case OperandType.InlineVar:
                    at += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    at += 8;
                    break;
                case OperandType.InlineSwitch:
                    at += 4 + 4 * BitConverter.ToInt32(code, at);
                    break;
                default:
                    at += 4;
                    break;
            }
        }
    }
}
