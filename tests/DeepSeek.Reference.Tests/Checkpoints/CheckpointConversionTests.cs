using System.Text.Json;
using DeepSeek.Reference.Backends;
using DeepSeek.Reference.Model;
using DeepSeek.Reference.Numerics;
using DeepSeek.Reference.Ops;
using DeepSeek.Reference.Tests.Model;
using Xunit;

namespace DeepSeek.Reference.Tests.Checkpoints;

/// <summary>Checkpoints to FP8 and back, a shard at a time (rule N22).</summary>
public sealed class CheckpointConversionTests : IDisposable
{
    private static readonly DeepSeekConfig Plain = QuantizedModel.Whole with { QuantizationConfig = null, NumHiddenLayers = 2 };
    private static readonly SimdBackend Backend = new(1);

    private readonly string folder = Directory.CreateTempSubdirectory("conversion").FullName;

    private string Source => Path.Combine(folder, "source");

    private string Target => Path.Combine(folder, "target");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(1, ScaleFormat.F32)]
    [InlineData(3, ScaleFormat.F32)]
    [InlineData(3, ScaleFormat.UE8M0)]
    public void Rule_N22_projections_are_quantised_by_blocks_and_all_else_is_copied(int shards, ScaleFormat scales)
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Plain, DType.BF16);
        QuantizedModel.Write(Source, Plain, weights, shards);
        ConversionReport report = CheckpointConversion.Quantize(Source, Target, scales, Backend);

        DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(Target, "config.json"));
        Assert.Equal(scales, config.QuantizationConfig!.ScaleFmt);
        using Checkpoint made = Checkpoint.Open(Target);
        ParameterTable.Validate(made, config);
        Assert.Equal(new ParameterTable(config).Parameters.Select(p => p.Name).Order(), made.Names.Order());
        Assert.Equal((shards, 0, made.Names.Count(n => made.Entry(n).DType == DType.F8_E4M3)), (report.Shards, report.Kept, report.Converted));
        foreach ((string name, Tensor w) in weights)
        {
            Tensor t = made.Get(name);
            if (t.DType != DType.F8_E4M3)
            {
                Assert.True(w.AsBytes().SequenceEqual(t.AsBytes()), name);
                continue;
            }

            var codes = new Tensor(DType.F8_E4M3, w.Shape);
            var s = new Tensor(DType.F32, (w.Shape[0] + 127) / 128, (w.Shape[1] + 127) / 128);
            new ScalarBackend().Quantize(w, new QuantizeAttributes(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, scales), codes, s);
            Assert.True(codes.AsBytes().SequenceEqual(t.AsBytes()), name);
            Assert.True(s.AsBytes().SequenceEqual(made.Get(name + "_scale_inv").AsBytes()), name);
            Assert.Equal(made.FileOf(name), made.FileOf(name + "_scale_inv"));
            if (scales == ScaleFormat.UE8M0)
                Assert.All(s.AsReadOnlySpan<float>().ToArray(), v => Assert.Equal(0, BitConverter.SingleToInt32Bits(v) & 0x7FFFFF));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Rule_N22_dequantised_weights_are_code_times_scale(int shards)
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Whole);
        QuantizedModel.Write(Source, QuantizedModel.Whole, weights, shards);
        CheckpointConversion.Dequantize(Source, Target, Backend);

        DeepSeekConfig config = DeepSeekConfig.Load(Path.Combine(Target, "config.json"));
        Assert.Null(config.QuantizationConfig);
        using Checkpoint made = Checkpoint.Open(Target);
        ParameterTable.Validate(made, config);
        Assert.DoesNotContain(made.Names, n => n.EndsWith("_scale_inv", StringComparison.Ordinal));
        foreach (string name in made.Names)
        {
            Tensor expected = weights[name];
            if (expected.DType == DType.F8_E4M3)
            {
                var y = new Tensor(DType.BF16, expected.Shape);
                new ScalarBackend().Dequantize(expected, weights[name + "_scale_inv"], QuantizationTile.Block128x128, y);
                expected = y;
            }

            Assert.True(expected.AsBytes().SequenceEqual(made.Get(name).AsBytes()), name);
        }
    }

    [Fact]
    public void Rule_N22_a_weight_that_takes_several_panels_is_converted_as_if_it_took_one()
    {
        DeepSeekConfig wide = Plain with { NumHiddenLayers = 1, NumNextnPredictLayers = 0, FirstKDenseReplace = 1, NumAttentionHeads = 512, NumKeyValueHeads = 512, QkNopeHeadDim = 8, QkRopeHeadDim = 8 };
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(wide, DType.BF16);
        QuantizedModel.Write(Source, wide, weights);
        CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);
        string back = Path.Combine(folder, "back");
        CheckpointConversion.Dequantize(Target, back, Backend);

        using Checkpoint made = Checkpoint.Open(Target), returned = Checkpoint.Open(back);
        foreach (string name in (string[])["model.layers.0.self_attn.o_proj.weight", "model.layers.0.self_attn.kv_b_proj.weight"])
        {
            Tensor w = weights[name];
            Assert.True(w.ElementCount > 1 << 22);
            var codes = new Tensor(DType.F8_E4M3, w.Shape);
            var s = new Tensor(DType.F32, (w.Shape[0] + 127) / 128, (w.Shape[1] + 127) / 128);
            Backend.Quantize(w, new QuantizeAttributes(QuantizationTile.Block128x128, QuantizerArithmetic.TritonActQuant, ScaleFormat.F32), codes, s);
            var y = new Tensor(DType.BF16, w.Shape);
            Backend.Dequantize(codes, s, QuantizationTile.Block128x128, y);
            Assert.True(codes.AsBytes().SequenceEqual(made.Get(name).AsBytes()), name);
            Assert.True(s.AsBytes().SequenceEqual(made.Get(name + "_scale_inv").AsBytes()), name);
            Assert.True(y.AsBytes().SequenceEqual(returned.Get(name).AsBytes()), name);
        }
    }

    [Fact]
    public void A_float32_checkpoint_comes_back_as_float32()
    {
        DeepSeekConfig config = Plain with { TorchDtype = DType.F32 };
        QuantizedModel.Write(Source, config, SyntheticModel.Weights(config));
        CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);
        string back = Path.Combine(folder, "back");
        CheckpointConversion.Dequantize(Target, back, Backend);

        using Checkpoint made = Checkpoint.Open(back);
        ParameterTable.Validate(made, DeepSeekConfig.Load(Path.Combine(back, "config.json")));
        Assert.Equal(DType.F32, made.Entry("model.layers.0.self_attn.o_proj.weight").DType);
    }

    [Fact]
    public void Other_files_are_copied_and_other_fields_of_the_config_kept()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16));
        File.WriteAllText(Path.Combine(Source, "tokenizer.json"), "{}");
        File.WriteAllBytes(Path.Combine(Source, "oracle.safetensors"), [1, 2]);
        string config = File.ReadAllText(Path.Combine(Source, "config.json"));
        File.WriteAllText(Path.Combine(Source, "config.json"), string.Concat("{\"own_field\": 1.50e-06,", config.AsSpan(1)));
        CheckpointConversion.Quantize(Source, Target, ScaleFormat.UE8M0, Backend);

        Assert.Equal("{}", File.ReadAllText(Path.Combine(Target, "tokenizer.json")));
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], Directory.GetFileSystemEntries(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        string made = File.ReadAllText(Path.Combine(Target, "config.json"));
        Assert.Contains("\"own_field\": 1.50e-06", made, StringComparison.Ordinal);
        Assert.Contains("\"scale_fmt\": \"ue8m0\"", made, StringComparison.Ordinal);
    }

    [Fact]
    public void The_index_names_every_tensor_s_shard_and_the_bytes_of_all()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16), shards: 3);
        ConversionReport report = CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);

        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Target, "model.safetensors.index.json")));
        Assert.Equal(report.TargetBytes, index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64());
        using Checkpoint made = Checkpoint.Open(Target);
        Assert.Equal(report.TargetBytes, made.Names.Sum(n => made.Entry(n).ByteCount));
    }

    [Fact]
    public void An_interrupted_conversion_goes_on_where_it_stopped_and_gives_the_same_bytes()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16), shards: 3);
        string whole = Path.Combine(folder, "whole");
        CheckpointConversion.Quantize(Source, whole, ScaleFormat.F32, Backend);

        using var stop = new CancellationTokenSource();
        var third = new Watcher(p =>
        {
            if (p.Shard.StartsWith("model-00003", StringComparison.Ordinal))
                stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend, third, stop.Token));
        Assert.Equal(["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"], Directory.GetFiles(Target, "*.safetensors").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.False(File.Exists(Path.Combine(Target, "config.json")));

        // What a killed process leaves: half a shard under its own name is no shard, and a temporary file goes.
        string second = Path.Combine(Target, "model-00002-of-00003.safetensors");
        File.WriteAllBytes(second, File.ReadAllBytes(second)[..1000]);
        string first = Path.Combine(Target, "model-00001-of-00003.safetensors");
        DateTime kept = File.GetLastWriteTimeUtc(first);
        File.WriteAllText(Path.Combine(Target, ".model-00003-of-00003.safetensors.0.tmp"), "half");

        ConversionReport report = CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);
        Assert.Equal((3, 1), (report.Shards, report.Kept));
        Assert.Equal(kept, File.GetLastWriteTimeUtc(first));
        Assert.Equal(Directory.GetFileSystemEntries(whole).Select(Path.GetFileName).Order(StringComparer.Ordinal), Directory.GetFileSystemEntries(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (string file in Directory.GetFiles(whole))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(Target, Path.GetFileName(file))));
    }

    [Fact]
    public void Another_source_or_other_options_are_not_mixed_into_an_unfinished_result()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16), shards: 3);
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend, new Watcher(p => Stop(stop, p)), stop.Token));

        Refusal.Of(() => CheckpointConversion.Quantize(Source, Target, ScaleFormat.UE8M0, Backend), Target, "other options");
        string other = Path.Combine(folder, "other");
        QuantizedModel.Write(other, Plain, SyntheticModel.Weights(Plain, DType.BF16, seed: 2), shards: 3);
        Refusal.Of(() => CheckpointConversion.Quantize(other, Target, ScaleFormat.F32, Backend), Target, "another source");
        CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);
        Refusal.Of(() => CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend), Target, "not empty");
    }

    [Fact]
    public void A_target_inside_the_source_is_seen_through_a_link()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16));
        string link = Source + "-link";
        Directory.CreateSymbolicLink(link, Source);
        Refusal.Of(() => CheckpointConversion.Quantize(Source, Path.Combine(link, "inside"), ScaleFormat.F32, Backend), "lies in the source");
        Refusal.Of(() => CheckpointConversion.Quantize(link, Path.Combine(Source, "inside"), ScaleFormat.F32, Backend), "lies in the source");
        Assert.False(Directory.Exists(Path.Combine(Source, "inside")));
    }

    [Fact]
    public void Other_files_are_copied_whether_empty_or_behind_a_link()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16));
        File.WriteAllText(Path.Combine(Source, "empty.txt"), "");
        string elsewhere = Source + "-tokenizer.json";
        File.WriteAllText(elsewhere, "{}");
        File.CreateSymbolicLink(Path.Combine(Source, "tokenizer.json"), elsewhere);
        CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);
        Assert.Equal("", File.ReadAllText(Path.Combine(Target, "empty.txt")));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(Target, "tokenizer.json")));
    }

    [Fact]
    public void What_cannot_be_converted_is_named()
    {
        QuantizedModel.Write(Source, Plain, SyntheticModel.Weights(Plain, DType.BF16));
        Refusal.Of(() => CheckpointConversion.Dequantize(Source, Target, Backend), Source, "no quantization_config");
        Refusal.Of(() => CheckpointConversion.Quantize(Source, Source, ScaleFormat.F32, Backend), Source, "another directory");
        Refusal.Of(() => CheckpointConversion.Quantize(Source, Path.Combine(Source, "inside"), ScaleFormat.F32, Backend), "lies in the source");
        CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend);
        Refusal.Of(() => CheckpointConversion.Quantize(Target, Path.Combine(folder, "twice"), ScaleFormat.F32, Backend), "FP8 already");
    }

    [Fact]
    public void A_value_that_is_no_number_is_named_with_its_rows()
    {
        Dictionary<string, Tensor> weights = SyntheticModel.Weights(Plain, DType.BF16);
        const string Name = "model.layers.0.mlp.up_proj.weight";
        weights[Name].AsSpan<BFloat16>()[(130 * 256) + 3] = (BFloat16)float.NaN;
        QuantizedModel.Write(Source, Plain, weights);
        Refusal.Of(() => CheckpointConversion.Quantize(Source, Target, ScaleFormat.F32, Backend), Name, "rows 128 to 255", "NaN or infinity");
        Assert.Empty(Directory.GetFiles(Target, "*.safetensors"));
    }

    [Fact]
    public void A_missing_scale_is_named()
    {
        Dictionary<string, Tensor> weights = QuantizedModel.Weights(QuantizedModel.Whole);
        weights.Remove("model.layers.1.self_attn.o_proj.weight_scale_inv");
        QuantizedModel.Write(Source, QuantizedModel.Whole, weights);
        Refusal.Of(() => CheckpointConversion.Dequantize(Source, Target, Backend), "'model.layers.1.self_attn.o_proj.weight_scale_inv'", "missing");
    }

    private static void Stop(CancellationTokenSource stop, ConversionProgress p)
    {
        if (p.BytesDone > 0)
            stop.Cancel();
    }

    private sealed class Watcher(Action<ConversionProgress> watch) : IProgress<ConversionProgress>
    {
        public void Report(ConversionProgress value) => watch(value);
    }
}
