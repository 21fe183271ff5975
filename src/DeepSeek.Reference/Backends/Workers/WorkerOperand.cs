using System.Security.Cryptography;

namespace DeepSeek.Reference.Backends;

/// <summary>An operand in a worker's memory, and how it came there: as bytes of a file, or made by the worker from its seed.</summary>
/// <param name="Operand">The operand.</param>
/// <param name="Handle">The worker's handle.</param>
/// <param name="Origin">What it was made from; null where its bytes were sent.</param>
internal sealed record WorkerOperand(Operand Operand, int Handle, TensorOrigin? Origin)
{
    private string? digest;

    /// <summary>Sends an operand's bytes.</summary>
    public static WorkerOperand Sent(WorkerClient worker, Operand operand, CallLayouts layouts, int shift)
    {
        string file = FileOf(operand);
        File.WriteAllBytes(Path.Combine(worker.Folder, file), layouts.Pack(operand));
        return new WorkerOperand(operand, worker.Put(operand, layouts, file, shift), null);
    }

    /// <summary>Has the worker make an operand; null where it cannot, or where the operand does not hold what it was made with.</summary>
    /// <exception cref="BackendException">The worker made something else.</exception>
    public static WorkerOperand? Generated(WorkerClient worker, OperationCall call, Operand operand, int shift)
    {
        if (!worker.Generates || TensorOrigin.Of(operand.Tensor) is not { } origin)
            return null;
        (int Handle, string Digest) made;
        try
        {
            made = worker.Generate(operand, origin, shift, into: null);
        }
        catch (ContractException)
        {
            // A map or dtype that this worker does not make: the bytes are sent.
            return null;
        }

        string expected = Of(operand.Tensor);
        if (made.Digest == expected)
            return new WorkerOperand(operand, made.Handle, origin) { digest = expected };
        worker.Free([made.Handle], []);
        if (Of(origin.Again()) != expected)
            return null;
        throw new BackendException($"{call.Operation}: the worker made the input '{operand.Name}' wrongly: {operand.Tensor} by map {origin.Map} from seed 0x{origin.Seed:x} has SHA-256 {expected}, the worker's {made.Digest}");
    }

    /// <summary>Puts the contents there once more.</summary>
    public void WriteAgain(WorkerClient worker)
    {
        if (Origin is null)
            worker.Write(Handle, FileOf(Operand));
        else
            worker.Generate(Operand, Origin, 0, Handle);
    }

    /// <summary>Its own bytes, read back.</summary>
    public byte[] Read(WorkerClient worker, CallLayouts layouts) => layouts.Unpack(Operand, Bytes(worker));

    /// <summary>Whether an input is not what it was. One that the worker made does not come back either: its digest does.</summary>
    public bool IsChanged(WorkerClient worker, CallLayouts layouts)
    {
        if (digest is not null)
            return worker.Digest(Handle) != digest;
        byte[] bytes = Bytes(worker);
        layouts.Unpack(Operand, bytes);
        return !bytes.AsSpan().SequenceEqual(layouts.Pack(Operand));
    }

    private static string Of(Tensor tensor) => Convert.ToHexStringLower(SHA256.HashData(tensor.AsBytes()));

    private static string FileOf(Operand operand) => operand.Name + ".bin";

    private byte[] Bytes(WorkerClient worker)
    {
        worker.Read(Handle, FileOf(Operand));
        return File.ReadAllBytes(Path.Combine(worker.Folder, FileOf(Operand)));
    }
}
