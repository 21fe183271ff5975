using Xunit.Sdk;
using Xunit.v3;

// Each test builds and runs a whole program; two at once would measure, and starve, each other.
[assembly: Parallelization(Mode = ParallelMode.None)]
