using System.CommandLine;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Tool;

/// <summary>The options of backends that are programs (docs/spec/worker.md).</summary>
internal static class WorkerOptionsOf
{
    private static readonly string[] Known = ["eager", "repeat", "stream", "graph", "perturb"];

    public static (Option<string> Modes, Option<string?> Wrap, Option<double> Timeout) Options() => (
        new("--modes")
        {
            Description = "How a worker runs each case, one after the other, the bits of each compared with the first's: eager, repeat, stream, graph, perturb.",
            HelpName = "MODES",
            DefaultValueFactory = _ => "eager",
        },
        new("--wrap") { Description = "Words put before the worker's command, such as a sanitizer; times stretch twentyfold and its exit code counts.", HelpName = "COMMAND" },
        new("--timeout") { Description = "Seconds that a worker may take for one call; loading takes twice as long, preparing ten times.", HelpName = "SECONDS", DefaultValueFactory = _ => 60 });

    /// <summary>--layouts.</summary>
    public static Option<string?> Layouts() => new("--layouts")
    {
        Description = "How operands lie in a worker's memory, NAME=LAYOUT with commas, such as x_scale=mn[align=16],linear:y=k[pad=3] (docs/spec/layouts.md); padding is poisoned and checked.",
        HelpName = "NAME=LAYOUT",
    };

    /// <summary>--generate.</summary>
    public static Option<double> Generate() => new("--generate")
    {
        Description = "Inputs of as many MiB or more are made in the worker from their seed, where it can, and only their digest crosses; 0 for all.",
        HelpName = "MIB",
        DefaultValueFactory = _ => 16,
    };

    /// <summary>--in-process.</summary>
    public static Option<bool> InProcess() => new("--in-process")
    {
        Description = "Load a plug-in (--backend lib.so) into this process, not into dsref-host: faster, for debuggers; what crashes there ends the run.",
    };

    /// <summary>The backend that the options name.</summary>
    /// <exception cref="ContractException">A mode or time that is none, or a backend that cannot be made.</exception>
    public static IBackend MakeBackend(ParseResult parsed, Option<string> backend, Option<int> threads, Option<string> modes, Option<string?> wrap, Option<double> timeout, Option<bool> inProcess, Option<string?> layouts, Option<double> generate)
    {
        string name = parsed.GetValue(backend)!;
        string[] asked = parsed.GetValue(modes)!.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (asked.Length == 0 || asked.Except(Known).Any())
            throw new ContractException($"--modes '{parsed.GetValue(modes)}': take one or more of {string.Join(", ", Known)}, with commas");
        double seconds = parsed.GetValue(timeout);
        if (!(seconds > 0 && seconds <= 86_400))
            throw new ContractException($"--timeout {seconds}: take a positive number of seconds, a day at most");
        double mebibytes = parsed.GetValue(generate);
        if (!(mebibytes >= 0 && mebibytes <= 1 << 20))
            throw new ContractException($"--generate {mebibytes}: take a number of MiB, 0 to {1 << 20}");
        LayoutChoice chosen = parsed.GetValue(layouts) is { } text ? LayoutChoice.Parse(text) : LayoutChoice.None;
        if (chosen != LayoutChoice.None && (parsed.GetValue(inProcess) || !SharedOptions.IsCommand(name)))
            throw new ContractException($"--layouts is for workers; {(parsed.GetValue(inProcess) ? "a plug-in in process" : $"backend '{name}'")} knows logical tensors alone");
        if (parsed.GetValue(inProcess))
            return InThisProcess(name, asked, parsed.GetValue(wrap));
        if (!SharedOptions.IsCommand(name))
            return asked is ["eager"] && parsed.GetValue(wrap) is null ? SharedOptions.MakeBackend(name, parsed.GetValue(threads)) : throw new ContractException($"--modes and --wrap are for workers; backend '{name}' is part of the tool");
        var options = new WorkerOptions { Run = TimeSpan.FromSeconds(seconds), Load = TimeSpan.FromSeconds(2 * seconds), Prepare = TimeSpan.FromSeconds(10 * seconds), Wrap = parsed.GetValue(wrap), Layouts = chosen, GenerateFrom = (long)(mebibytes * (1 << 20)) };
        return new WorkerBackend(PluginHost.CommandOf(name), options, asked);
    }

    private static NativeBackend InThisProcess(string name, string[] modes, string? wrap)
    {
        if (wrap is not null)
            throw new ContractException("--wrap is for a program of its own, and --in-process loads a plug-in into this one; leave one of them out");
        return PluginHost.LibraryOf(name) is { } library
            ? new NativeBackend(library, modes)
            : throw new ContractException($"--in-process loads a shared library, and --backend '{name}' names none (.so)");
    }
}
