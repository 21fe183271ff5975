namespace DeepSeek.Reference.Text;

/// <summary>A parsed pattern.</summary>
internal abstract record PatternNode
{
    /// <summary>The fewest code points that a match has.</summary>
    public abstract int Least { get; }

    /// <summary>The code points that a match can begin with; of a node whose <see cref="Least"/> is above 0.</summary>
    public abstract CodePointSet First { get; }

    /// <summary>One code point.</summary>
    internal sealed record One(CodePointSet Set) : PatternNode
    {
        public override int Least => 1;

        public override CodePointSet First => Set;
    }

    /// <summary>Nodes one after another.</summary>
    internal sealed record Chain(IReadOnlyList<PatternNode> Nodes) : PatternNode
    {
        public override int Least => Nodes.Sum(n => n.Least);

        public override CodePointSet First
        {
            get
            {
                int solid = Nodes.TakeWhile(n => n.Least == 0).Count();
                return CodePointSet.Union(Nodes.Take(solid + 1).Where(n => n is not Look and not Chain { Nodes.Count: 0 }).Select(n => n.First));
            }
        }
    }

    /// <summary>The first node that leads to a match.</summary>
    internal sealed record Choice(IReadOnlyList<PatternNode> Nodes) : PatternNode
    {
        public override int Least => Nodes.Min(n => n.Least);

        public override CodePointSet First => CodePointSet.Union(Nodes.Where(n => n is not Chain { Nodes.Count: 0 }).Select(n => n.First));
    }

    /// <summary>A node as often as it can be had, between two counts; possessive: what was had is not given back.</summary>
    internal sealed record Repeat(PatternNode Node, int From, int To, bool Possessive) : PatternNode
    {
        public override int Least => From * Node.Least;

        public override CodePointSet First => Node.First;
    }

    /// <summary>What must, or must not, follow; takes nothing.</summary>
    internal sealed record Look(PatternNode Node, bool Negative) : PatternNode
    {
        public override int Least => 0;

        public override CodePointSet First => Node.First;
    }
}
