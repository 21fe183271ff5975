using System.CommandLine;
using BenchmarkDotNet.Running;
using DeepSeek.Reference.Bench;

var parts = new Option<string[]>("--only") { Description = "Parts to run: gemm, gemv, functions, attention, model. All by default.", AllowMultipleArgumentsPerToken = true };
var seconds = new Option<double>("--seconds") { Description = "Time for each group of interleaved kernels.", DefaultValueFactory = _ => 4 };
var threads = new Option<int>("--threads") { Description = "Threads of our backend and of OpenBLAS.", DefaultValueFactory = _ => 1 };
var libtorch = new Option<string?>("--libtorch") { Description = "Folder of libtorch_cpu.so, to measure its matrix product too." };
var model = new Option<string?>("--model") { Description = "Folder for the synthetic 390M models; made there when absent. A temporary folder by default." };

var side = new Command("side-by-side", "Our kernels beside the machine's peaks and the peers, interleaved in one run; prints ratios.")
{
    parts, seconds, threads, libtorch, model,
};
side.SetAction(result => SideBySide.Run(
    result.GetValue(parts) ?? [], result.GetValue(seconds), result.GetValue(threads), result.GetValue(libtorch), result.GetValue(model)));

var make = new Command("make-model", "Writes the synthetic 390M model that speed is compared on: --model DIR.") { model };
make.SetAction(result => SyntheticModel.Make(result.GetValue(model) ?? throw new ArgumentException("make-model needs --model DIR"), DeepSeek.Reference.DType.F32));

var narrow = new Option<bool>("--bf16") { Description = "BF16 weights." };
var float8 = new Option<bool>("--fp8") { Description = "FP8 weights with a scale for each block of 128 x 128." };
var breakdown = new Command("breakdown", "Where the time of the synthetic model goes, by operation.") { narrow, float8, threads };
breakdown.SetAction(result => ModelSpeed.Breakdown(
    result.GetValue(float8) ? DeepSeek.Reference.DType.F8_E4M3 : result.GetValue(narrow) ? DeepSeek.Reference.DType.BF16 : DeepSeek.Reference.DType.F32, result.GetValue(threads)));

var functions = new Command("functions", "Every correctly rounded function in the first-level cache, on the instruction set in use.");
functions.SetAction(_ => FunctionSpeed.Run());

var quantisers = new Command("quantisers", "Quantising and dequantising, as shares of the copy bandwidth measured in the same run.") { seconds, threads };
quantisers.SetAction(result => QuantiserSpeed.Run(result.GetValue(seconds), result.GetValue(threads)));

var scaled = new Command("fp8", "Block-scaled FP8 products under each preset, on the instruction set in use.") { seconds, threads };
scaled.SetAction(result => ScaledProducts.Run(result.GetValue(seconds), result.GetValue(threads)));

var benchmarks = new Command("benchmarks", "BenchmarkDotNet over single operations; further arguments are its own.") { TreatUnmatchedTokensAsErrors = false };
benchmarks.SetAction(result =>
{
    BenchmarkSwitcher.FromAssembly(typeof(OperationBenchmarks).Assembly).Run([.. result.UnmatchedTokens]);
    return 0;
});

var units = new Command("units", "Products by emulated matrix units, in multiply-adds a second.") { seconds, threads };
units.SetAction(result => UnitProducts.Run(result.GetValue(seconds), result.GetValue(threads)));

var plugin = new Option<string>("--plugin") { Description = "A plug-in, such as tools/backends/c makes.", Required = true };
var calls = new Command("calls", "What a call of a plug-in costs in this process, beside its kernel.") { plugin, seconds };
calls.SetAction(result => CallSpeed.Run(result.GetValue(plugin)!, result.GetValue(seconds)));

var modules = new Option<string?>("--modules") { Description = "Folder in which npm installed tools/bench/node, to measure the JavaScript tokenizer too." };
var tokenizer = new Command("tokenizer", "DeepSeek-V3's tokenizer in tokens a second, beside @lenml/tokenizers.") { seconds, modules };
tokenizer.SetAction(result => TokenizerSpeed.Run(result.GetValue(seconds), result.GetValue(modules)));

var rounds = new Option<int>("--rounds") { Description = "Repeats of each figure; the best counts.", DefaultValueFactory = _ => 3 };
var json = new Option<bool>("--json") { Description = "JSON for tools/plot." };
var batches = new Command("batches", "Decoding of 1, 8 and 32 sequences at a time.") { narrow, threads, rounds };
batches.SetAction(result => ServingSpeed.Batches(result.GetValue(narrow) ? DeepSeek.Reference.DType.BF16 : DeepSeek.Reference.DType.F32, result.GetValue(threads), result.GetValue(rounds)));
var drafts = new Command("drafts", "Decoding with 0 to 3 drafts, of a model with an MTP module, --model DIR, or of the synthetic one with a module that is always right.") { model, threads, rounds };
drafts.SetAction(result => ServingSpeed.Drafts(result.GetValue(model), result.GetValue(threads), result.GetValue(rounds)));
var context = new Command("context", "Attention of a decoded token at 1k to 64k tokens of context, absorbed and naive.") { threads, rounds, json };
context.SetAction(result => ContextSpeed.Run(result.GetValue(threads), result.GetValue(rounds), result.GetValue(json)));

var tokens = new Option<int>("--tokens") { Description = "Targets of the sequence.", DefaultValueFactory = _ => 512 };
tokens.Validators.Add(result =>
{
    if (result.GetValueOrDefault<int>() < 2)
        result.AddError("--tokens wants 2 at least");
});
var operations = new Option<bool>("--breakdown") { Description = "Where the time goes, by operation." };
var precisions = new Option<string[]>("--precision") { Description = "Those alone, the first of them the one that the others are compared with: fp32, bf16, bf16-hopper, fp8-lanes16, fp8-exact, fp8-hopper.", AllowMultipleArgumentsPerToken = true };
precisions.AcceptOnlyFromAmong(TrainingSpeed.Names);
var train = new Command("train", "Loss and gradients of one sequence in fp32, bf16 and fp8, as shares of our matrix product's speed, with the memory of a token and the optimizer's time.") { threads, tokens, rounds, operations, precisions };
train.SetAction(result => TrainingSpeed.Run(result.GetValue(threads), result.GetValue(tokens), result.GetValue(rounds), result.GetValue(operations), result.GetValue(precisions) ?? []));

var root = new RootCommand("Speed of DeepSeek.Reference. Ratios from one run count; absolute figures belong to one machine.") { side, breakdown, functions, quantisers, units, scaled, calls, tokenizer, batches, drafts, context, train, make, benchmarks };
return root.Parse(args).Invoke();
