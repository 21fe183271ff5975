using System.CommandLine;
using System.Globalization;
using DeepSeek.Reference.Fuzz;

var targetName = new Option<string>("--target") { Description = $"all, or one of {string.Join(", ", Readers.ByName.Keys)}.", DefaultValueFactory = _ => "all" };
var seconds = new Option<double>("--seconds") { Description = "Time of the whole run, shared out among the targets.", DefaultValueFactory = _ => 60 };
var executions = new Option<long>("--executions") { Description = "Most executions of a target.", DefaultValueFactory = _ => long.MaxValue };
var seed = new Option<ulong>("--seed") { Description = "Seed of the mutants.", DefaultValueFactory = _ => 1 };
var first = new Option<long>("--first") { Description = "Number of the first execution: with --executions 1, one execution again.", DefaultValueFactory = _ => 0 };
var findings = new Option<string>("--findings") { Description = "Folder for the files that broke a promise.", DefaultValueFactory = _ => Path.Combine("artifacts", "fuzz") };
var keep = new Option<string?>("--keep") { Description = "Folder for the smallest refused file of each kind of message." };

var root = new RootCommand("Feeds mutated files to the library's readers. Exit 0 when every file was read or refused by the library's own error, within memory and time; 1 otherwise.")
{
    targetName, seconds, executions, seed, first, findings, keep,
};
root.SetAction(parsed =>
{
    string tree = AppContext.BaseDirectory;
    while (!File.Exists(Path.Combine(tree, "DeepSeek.Reference.sln")))
        tree = Path.GetDirectoryName(tree) ?? throw new DirectoryNotFoundException("no folder above the program holds DeepSeek.Reference.sln; run it from a clone");
    string scratch = Directory.CreateTempSubdirectory("dsref-fuzz-").FullName;
    try
    {
        string name = parsed.GetValue(targetName)!;
        Target[] targets = [.. Targets.All(tree, scratch).Where(t => name == "all" || t.Name == name)];
        if (targets.Length == 0)
            throw new ArgumentException($"--target {name}: there are all, {string.Join(", ", Readers.ByName.Keys)}");
        TimeSpan share = TimeSpan.FromSeconds(parsed.GetValue(seconds) / targets.Length);
        long total = 0;
        int broken = 0;
        Console.WriteLine($"{"target",-12} {"executions",12} {"refused",12} {"slowest ms",12} {"beyond KiB",14} {"kinds",6} {"findings",9}");
        foreach (Target target in targets)
        {
            string folder = Directory.CreateDirectory(Path.Combine(scratch, target.Name)).FullName;
            var run = new FuzzRun(target, parsed.GetValue(seed), folder, parsed.GetValue(findings)!);
            run.Run(share, parsed.GetValue(first), parsed.GetValue(executions));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{target.Name,-12} {run.Executions,12} {run.Refused,12} {run.Slowest,12:F1} {run.MostBeyond / 1024.0,14:F0} {run.Kinds.Count,6} {run.Findings,9}"));
            total += run.Executions;
            broken += run.Findings;
            if (parsed.GetValue(keep) is { } to)
                Corpus.Write(to, target.Name, run.Kinds);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{total} executions, {broken} findings, seed {parsed.GetValue(seed)}"));
        return broken == 0 ? 0 : 1;
    }
    finally
    {
        Directory.Delete(scratch, recursive: true);
    }
});
return root.Parse(args).Invoke();
