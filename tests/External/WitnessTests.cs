using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>A second opinion that shares no code with the library: Python computes small goldens again and finds the kept hashes.</summary>
public sealed class WitnessTests
{
    /// <summary>Debian's Python, the one tools/ci/install.sh installs; the first on the path may be another. The standard library is enough.</summary>
    private const string Python = "/usr/bin/python3";

    [Fact]
    public void Rule_N15_the_Python_witness_finds_the_kept_hashes() =>
        ForeignTool.Pass(ForeignTool.Run(Python, Repository.Path("tools", "witness", "witness.py")));

    /// <summary>The witness's own matrix units are held by vectors that neither it nor the library made.</summary>
    [Fact]
    public void Rule_N20_the_Python_witness_has_the_bits_of_every_file_of_dot_products()
    {
        string[] files = Directory.GetFiles(Repository.Path("golden", "vectors", "dev"), "hopper_*.jsonl.gz");
        Assert.NotEmpty(files);
        ForeignTool.Pass(ForeignTool.Run(Python, [Repository.Path("tools", "witness", "units.py"), .. files]));
    }

    /// <summary>Hopper's approximate functions, written a second time, have the hardware's bits too.</summary>
    [Fact]
    public void The_Python_witness_has_the_bits_of_every_captured_function()
    {
        string[] files = Directory.GetFiles(Repository.Path("golden", "hardware", "h100", "functions"), "*.capture.gz");
        Assert.NotEmpty(files);
        ForeignTool.Pass(ForeignTool.Run(Python, [Repository.Path("tools", "witness", "mufu.py"), .. files]));
    }

    /// <summary>golden/training/recipe.txt: optimizer, norm and initial weights, by integers.</summary>
    [Fact]
    public void Rule_N25_N26_N27_the_Python_witness_writes_the_kept_rows() =>
        ForeignTool.Pass(ForeignTool.Run(Python, Repository.Path("tools", "witness", "training.py")));
}
