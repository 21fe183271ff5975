using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;

namespace DeepSeek.Reference.Backends;

/// <summary>The control line to a worker: frames of a 32-bit little-endian length and that many bytes of JSON (docs/spec/worker.md 1).</summary>
internal sealed class WorkerFrames(Socket socket) : IDisposable
{
    /// <summary>The longest frame either side may send.</summary>
    public const int Longest = 16 << 20;

    /// <summary>Sends one object within a time: a worker that stops reading leaves no room for it.</summary>
    /// <exception cref="TimeoutException">It could not be sent.</exception>
    /// <exception cref="IOException">The worker is gone.</exception>
    public void Send(Action<Utf8JsonWriter> body, TimeSpan limit)
    {
        using var bytes = new MemoryStream();
        bytes.Write(stackalloc byte[4]);
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            body(json);
            json.WriteEndObject();
        }

        byte[] frame = bytes.ToArray();
        if (frame.Length - 4 > Longest)
            throw new ContractException($"a call of {frame.Length - 4} bytes does not fit a frame of {Longest}; use smaller shapes");
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - 4);
        try
        {
            socket.SendTimeout = (int)Math.Clamp(limit.TotalMilliseconds, 1, int.MaxValue);
            for (int sent = 0; sent < frame.Length;)
                sent += socket.Send(frame.AsSpan(sent));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new TimeoutException("the worker does not read", e);
        }
        catch (SocketException e)
        {
            throw new IOException("the worker closed its end", e);
        }
    }

    /// <summary>Receives one object before <see cref="Environment.TickCount64"/> says so.</summary>
    /// <exception cref="TimeoutException">It did not come.</exception>
    /// <exception cref="IOException">The worker is gone.</exception>
    /// <exception cref="JsonException">What came is no frame of JSON.</exception>
    public JsonElement Receive(long until)
    {
        byte[] length = Read(4, until);
        int n = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (n is < 2 or > Longest)
            throw new JsonException($"a frame of {n} bytes, where 2 to {Longest} are allowed");
        using JsonDocument document = JsonDocument.Parse(Read(n, until));
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? document.RootElement.Clone()
            : throw new JsonException("a frame that holds no JSON object");
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private byte[] Read(int count, long until)
    {
        byte[] bytes = new byte[count];
        for (int got = 0; got < count;)
        {
            long left = until - Environment.TickCount64;
            if (left <= 0 || !socket.Poll(TimeSpan.FromMilliseconds(Math.Min(left, 1000)), SelectMode.SelectRead))
            {
                if (Environment.TickCount64 >= until)
                    throw new TimeoutException();
                continue;
            }

            int n;
            try
            {
                n = socket.Receive(bytes.AsSpan(got));
            }
            catch (SocketException e)
            {
                throw new IOException("the worker closed its end", e);
            }

            if (n == 0)
                throw new IOException("the worker closed its end");
            got += n;
        }

        return bytes;
    }
}
