using Xunit;

// Each test builds and runs a whole program; two at once would measure, and starve, each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
