using System.Diagnostics;
using System.Globalization;
using DeepSeek.Reference.Backends;

namespace DeepSeek.Reference.Verification;

/// <summary>Computes the reference of a call on <see cref="SimdBackend"/>, whole or in samples as time allows, and recomputes some of it by the definitions.</summary>
internal sealed class ReferenceRun
{
    /// <summary>Multiply-adds that are done at once without asking for the time: a few hundredths of a second.</summary>
    private const double Small = 1 << 26;

    /// <summary>Elements beyond which another sample says little more, and comparing them takes longer than computing them.</summary>
    private const long MostCompared = 1 << 22;

    /// <summary>Outputs that the definitions recompute in each run.</summary>
    private const int Proof = 1000;

    /// <summary>Multiply-adds of the definitions that are done whatever the time, so that a loaded machine proves as much.</summary>
    private const double CheapProof = 1 << 23;

    /// <summary>Multiply-adds between two looks at the time: a tenth of a second of the definitions.</summary>
    private const double ProofWork = 2e6;

    private readonly OperationCall candidate;
    private readonly IReadOnlyDictionary<string, Tensor>? before;
    private readonly JudgeOptions options;
    private readonly SimdBackend simd = new();
    private readonly Stopwatch clock;
    private readonly Dictionary<string, ReferencePieces> pieces;
    private double rate;

    public ReferenceRun(OperationCall candidate, IReadOnlyDictionary<string, Tensor>? before, JudgeOptions options, Stopwatch clock)
    {
        this.candidate = candidate;
        this.before = before;
        this.options = options;
        this.clock = clock;
        Sampler = CallSampler.Of(candidate);
        pieces = candidate.Outputs.ToDictionary(o => o.Name, o => new ReferencePieces(o.Name, o.Tensor.ElementCount));
    }

    /// <summary>Cuts samples out of the call; null where none can be.</summary>
    public CallSampler? Sampler { get; }

    /// <summary>What is known of each output.</summary>
    public IReadOnlyDictionary<string, ReferencePieces> Pieces => pieces;

    /// <summary>Outputs recomputed by the definitions.</summary>
    public long Recomputed { get; private set; }

    /// <summary>Rows that samples took, of all.</summary>
    public int RowsTaken { get; private set; }

    /// <summary>Whether all outputs are known whole.</summary>
    public bool IsWhole => pieces.Values.All(p => p.IsWhole);

    /// <summary>Seconds that the whole reference would take, by the speed of a first sample; 0 where nothing is worth estimating.</summary>
    public static double Estimate(OperationCall call)
    {
        var run = new ReferenceRun(call, null, new JudgeOptions(), Stopwatch.StartNew());
        return run.Sampler is null || run.TotalWork <= Small ? 0 : run.TotalWork / run.FirstSample();
    }

    private double TotalWork => Sampler is null ? 0 : (double)Sampler.Rows * Sampler.Columns * Sampler.Work;

    /// <summary>Computes the reference.</summary>
    public void Compute()
    {
        if (Sampler is null || options.Full || TotalWork <= Small)
        {
            Whole();
            return;
        }

        rate = FirstSample();
        if (TotalWork / rate <= 0.5 * (options.Budget - clock.Elapsed.TotalSeconds))
            Whole();
    }

    /// <summary>Uniform samples until the time is used up.</summary>
    public void MoreSamples(double until)
    {
        if (IsWhole || Sampler is null)
            return;
        var plan = new SamplePlan(Sampler, options.Seed + 1);
        for (double left = until - clock.Elapsed.TotalSeconds; left > 0; left = until - clock.Elapsed.TotalSeconds)
        {
            // The first sample is slow where the code is compiled while it runs.
            if (TotalWork / rate <= left)
            {
                Whole();
                return;
            }

            long most = (long)Math.Min(MostPairs, left * rate / Math.Max(1, Sampler.Work));
            if (most < 1 || pieces.Values.Sum(p => p.Compared) > MostCompared)
                return;
            long start = Stopwatch.GetTimestamp();
            (int[] Rows, int[] Columns) grid = plan.Uniform(most);
            Add(grid, chosen: false);
            rate = Math.Max(rate, grid.Rows.Length * (double)grid.Columns.Length * Sampler.Work / Math.Max(1e-6, Stopwatch.GetElapsedTime(start).TotalSeconds));
        }
    }

    /// <summary>The reference of elements that something else found suspicious.</summary>
    public void AddChosen(IEnumerable<(int Row, int Column)> places)
    {
        if (Sampler is null || IsWhole)
            return;
        foreach (IGrouping<int, (int Row, int Column)> row in places.GroupBy(p => p.Row))
            Add(([row.Key], [.. row.Select(p => p.Column).Distinct().Order()]), chosen: true);
    }

    /// <summary>Recomputes outputs at random by the definitions and compares every bit.</summary>
    /// <exception cref="ContractException">Two of the library's own backends disagree; the message names the element.</exception>
    public void Prove(double until)
    {
        if (Sampler is null)
        {
            ProveWhole();
            return;
        }

        if (Sampler.Rows == 0 || Sampler.Columns == 0)
            return;
        var plan = new SamplePlan(Sampler, options.Seed + 2);
        double outputsOfPair = Math.Max(1, candidate.Outputs.Sum(o => o.Tensor.ElementCount) / Math.Max(1, (double)Sampler.Rows * Sampler.Columns));
        long chunk = (long)Math.Clamp(Math.Min(Proof / 4 / outputsOfPair, ProofWork / Math.Max(1, Sampler.Work)), 1, Proof);
        long enough = Math.Min(Proof, candidate.Outputs.Sum(o => o.Tensor.ElementCount));
        bool cheap = Proof * Sampler.Work <= CheapProof;
        for (int round = 0; Recomputed < enough && round < 64 && (round == 0 || cheap || clock.Elapsed.TotalSeconds < until); round++)
        {
            (int[] rows, int[] columns) = plan.Uniform(chunk);
            foreach (CallSample sample in Sampler.Take(rows, columns))
                Agree(sample);
        }
    }

    private long MostPairs => (long)Math.Clamp(Math.Pow(2, 31) / Math.Max(1, Sampler!.Work), 1, 1 << 18);

    /// <summary>Runs the sample of places; gives multiply-adds a second.</summary>
    private double FirstSample()
    {
        long start = Stopwatch.GetTimestamp();
        (int[] rows, int[] columns) = new SamplePlan(Sampler!, options.Seed).Places(MostPairs);
        Add((rows, columns), chosen: false);
        return Math.Max(1, rows.Length * (double)columns.Length * Sampler!.Work) / Math.Max(1e-6, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private void Add((int[] Rows, int[] Columns) grid, bool chosen)
    {
        RowsTaken += chosen ? 0 : grid.Rows.Length;
        foreach (CallSample sample in Sampler!.Take(grid.Rows, grid.Columns))
        {
            sample.Call.Run(simd);
            foreach ((string name, long[] index) in sample.Elements)
                pieces[name].Add(new ReferencePiece(sample.Call[name], index, chosen));
        }
    }

    private void Whole()
    {
        OperationCall reference = Own();
        reference.Run(simd);
        foreach (Operand output in reference.Outputs)
        {
            pieces[output.Name] = new ReferencePieces(output.Name, output.Tensor.ElementCount);
            pieces[output.Name].Add(new ReferencePiece(output.Tensor, null, false) { WrittenRows = WrittenElements.Rows(Sampler) });
        }
    }

    /// <summary>The call with outputs of its own, which hold what the candidate's held before it ran.</summary>
    private OperationCall Own() =>
        candidate.Replace(o => o.Role == OperandRole.Input ? o.Tensor : before is not null && before.TryGetValue(o.Name, out Tensor? b) ? b.Clone() : o.Tensor.Clone());

    private void ProveWhole()
    {
        OperationCall scalar = Own();
        if (scalar.Outputs.Sum(o => o.Tensor.ElementCount) > 1 << 20)
            return;
        scalar.Run(new ScalarBackend());
        foreach (Operand output in scalar.Outputs)
            RequireEqual(output.Name, output.Tensor, pieces[output.Name].Pieces[0].Reference, null);
    }

    private void Agree(CallSample sample)
    {
        OperationCall scalar = sample.Call.WithOwnOutputs();
        sample.Call.Run(simd);
        scalar.Run(new ScalarBackend());
        foreach ((string name, long[] index) in sample.Elements)
        {
            RequireEqual(name, scalar[name], sample.Call[name], index);
            if (!pieces[name].IsWhole)
                continue;
            Tensor whole = pieces[name].Pieces[0].Reference;
            for (int i = 0; i < index.Length; i++)
            {
                if (!ReferencePieces.SameBits(scalar[name], i, whole, index[i]))
                    throw Disagree(name, index[i], scalar[name], i, whole, index[i]);
            }
        }
    }

    private void RequireEqual(string name, Tensor scalar, Tensor simdResult, long[]? index)
    {
        for (long i = 0; i < scalar.ElementCount; i++)
        {
            if (!ReferencePieces.SameBits(scalar, i, simdResult, i))
                throw Disagree(name, index?[i] ?? i, scalar, i, simdResult, i);
        }

        Recomputed += scalar.ElementCount;
    }

    private ContractException Disagree(string name, long at, Tensor scalar, long i, Tensor simdResult, long j) => new(string.Create(CultureInfo.InvariantCulture,
        $"{candidate.Operation}: {name}[{string.Join(", ", Mismatch.Coordinates(candidate[name].Shape, at))}] is 0x{ElementReader.Bits(simdResult, j):x} on simd and 0x{ElementReader.Bits(scalar, i):x} by definition; the reference is not to be trusted here, report it"));
}
