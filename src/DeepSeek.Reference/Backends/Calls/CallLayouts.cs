using System.Text.Json;
using DeepSeek.Reference.Layouts;

namespace DeepSeek.Reference.Backends;

/// <summary>How the operands of one call lie in a backend's memory: chosen by the user, or else wanted by the backend, or else contiguous.</summary>
internal sealed class CallLayouts
{
    /// <summary>What outputs hold before a case runs (docs/spec/goldens.md).</summary>
    private const byte Unwritten = 0xA5;

    private readonly OperationCall call;
    private readonly Dictionary<string, Layout> of = [];

    /// <summary>The layouts of a call.</summary>
    /// <exception cref="ContractException">A chosen layout cannot hold its operand.</exception>
    /// <exception cref="BackendException">The backend wants a layout that there is not, that cannot hold its operand, or for an operand that there is not.</exception>
    public CallLayouts(OperationCall call, LayoutChoice choice, IReadOnlyDictionary<string, string> wanted)
    {
        this.call = call;
        foreach (Operand operand in call.Operands)
        {
            if (choice.For(call.Operation, operand.Name) is { } layout)
                Add(operand, layout);
        }

        foreach ((string name, string text) in wanted)
        {
            Operand[] named = [.. call.Operands.Where(o => o.Name == name || LayoutChoice.Stem(o.Name) == name)];
            if (named.Length == 0)
                throw new BackendException($"{call.Operation}: the backend wants a layout for '{name}', but the operands are {string.Join(", ", call.Operands.Select(o => o.Name))}");
            try
            {
                foreach (Operand operand in named.Where(o => choice.For(call.Operation, o.Name) is null))
                    Add(operand, Layout.Parse(text));
            }
            catch (ContractException e)
            {
                throw new BackendException($"{call.Operation}: the backend wants '{name}' in layout '{text}': {e.Message}", e);
            }
        }
    }

    /// <summary>An operand's layout, its groups of rows given by the call.</summary>
    public Layout Of(Operand operand) => of.GetValueOrDefault(operand.Name, Layout.Contiguous);

    /// <summary>The bytes of an operand as it lies in memory, padding poisoned.</summary>
    /// <exception cref="ContractException">A value of it has no code in the layout's format.</exception>
    public ReadOnlySpan<byte> Pack(Operand operand)
    {
        Layout layout = Of(operand);
        try
        {
            return layout.IsContiguous ? operand.Tensor.AsBytes() : layout.Pack(operand.Tensor);
        }
        catch (DataException) when (operand.Role == OperandRole.Output)
        {
            return layout.Filled(Unwritten, operand.Tensor.DType, operand.Tensor.Shape);
        }
        catch (ReferenceException e) when (e is ShapeException or DataException)
        {
            throw new ContractException($"'{operand.Name}': {e.Message}");
        }
    }

    /// <summary>The tensor's own bytes, out of memory's.</summary>
    /// <exception cref="BackendException">There are too few or too many, or padding was written.</exception>
    public byte[] Unpack(Operand operand, byte[] bytes)
    {
        Layout layout = Of(operand);
        (DType dtype, Shape shape) = (operand.Tensor.DType, operand.Tensor.Shape);
        long expected = layout.IsContiguous ? operand.Tensor.ByteCount : layout.Form(dtype, shape).ByteCount;
        if (bytes.Length != expected)
            throw new BackendException($"{call.Operation}: the worker wrote {bytes.Length} bytes for '{operand.Name}', which has {expected}");
        if (layout.IsContiguous)
            return bytes;
        long touched = layout.FirstTouched(bytes, dtype, shape);
        if (touched >= 0)
            throw new BackendException($"{call.Operation}: padding of '{operand.Name}' was written: byte {touched} of {expected} is 0x{bytes[touched]:X2} (layout {layout})");
        return layout.Unpack(bytes, dtype, shape).AsBytes().ToArray();
    }

    /// <summary>Writes the members that describe an operand's memory: layout, and for any but contiguous ones stored and parameters.</summary>
    public void Write(Utf8JsonWriter json, Operand operand)
    {
        Layout layout = Of(operand);
        json.WriteString("layout", layout.ToString());
        if (layout.IsContiguous)
            return;
        (DType dtype, Shape shape) = (operand.Tensor.DType, operand.Tensor.Shape);
        StoredForm form = layout.Form(dtype, shape);
        json.WriteStartObject("stored");
        json.WriteString("dtype", form.DType.Name());
        Numbers(json, "shape", form.Shape.Dimensions.ToArray());
        Numbers(json, "strides", form.Strides);
        json.WriteNumber("byte_offset", form.ByteOffset);
        json.WriteNumber("bytes", form.ByteCount);
        json.WriteEndObject();
        json.WriteStartObject("parameters");
        foreach ((string name, IReadOnlyList<long> values) in layout.Parameters(dtype, shape))
            Numbers(json, name, values);
        json.WriteEndObject();
    }

    private void Add(Operand operand, Layout layout)
    {
        Layout bound = GroupsOf() is { } offsets ? layout.WithOffsets(offsets) : layout;
        try
        {
            if (!bound.IsContiguous)
                of[operand.Name] = Checked(bound, operand.Tensor);
        }
        catch (ShapeException e)
        {
            throw new ContractException($"'{operand.Name}': {e.Message}");
        }
    }

    /// <summary>A layout whose elements overlap is refused before anything runs.</summary>
    private static Layout Checked(Layout layout, Tensor tensor)
    {
        long bytes = layout.Form(tensor.DType, tensor.Shape).ByteCount;
        layout.FirstTouched(new byte[bytes], tensor.DType, tensor.Shape);
        return layout;
    }

    private int[]? GroupsOf() => call switch
    {
        GroupedLinearCall c => [.. c.Offsets],
        GroupedScaledLinearCall c => [.. c.Offsets],
        DispatchCall c => [.. c.Plan.Offsets],
        CombineCall c => [.. c.Plan.Offsets],
        _ => null,
    };

    private static void Numbers(Utf8JsonWriter json, string key, IEnumerable<long> values)
    {
        json.WriteStartArray(key);
        foreach (long value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
