using System.IO.Compression;
using DeepSeek.Reference.Tests.House;
using Xunit;

namespace DeepSeek.Reference.Tests.External;

/// <summary>The NuGet package has what a plug-in is compiled with. What else it has, and that it installs, is tools/ci/consume.sh's.</summary>
public sealed class PackageTests
{
    [Fact]
    public void The_package_holds_the_header_of_plug_ins_as_it_stands_here()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("dsref-package-");
        try
        {
            ForeignTool.Pass(ForeignTool.Run("dotnet", "pack", Repository.Path("src", "DeepSeek.Reference"), "-c", "Release", "--no-build", "-o", folder.FullName, "-v", "q"));
            using ZipArchive package = ZipFile.OpenRead(Assert.Single(folder.GetFiles("*.nupkg")).FullName);
            string[] headers = [.. package.Entries.Select(e => e.FullName).Where(name => name.EndsWith(".h", StringComparison.Ordinal))];
            Assert.Equal(["include/deepseek_backend.h"], headers);
            using Stream packed = package.GetEntry(headers[0])!.Open();
            using var bytes = new MemoryStream();
            packed.CopyTo(bytes);
            Assert.Equal(File.ReadAllBytes(Repository.Path("src", "DeepSeek.Reference", "Backends", "Native", "deepseek_backend.h")), bytes.ToArray());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
