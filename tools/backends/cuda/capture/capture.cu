// Runs the matrix units, conversions and approximate functions of a Hopper GPU on inputs made from a seed, and writes what came out.
// Build: nvcc -std=c++17 -O2 -gencode=arch=compute_90a,code=sm_90a capture.cu -o capture. What each file holds: docs/spec/capture.md.
#include "capture_file.h"
#include "inputs.h"
#include "layout.h"
#include "scalar.cuh"
#include <cstdlib>
#include <ctime>

#define CHECK(call)                                                                                                              \
  do {                                                                                                                           \
    cudaError_t error = (call);                                                                                                  \
    if (error != cudaSuccess) throw std::runtime_error(std::string(#call) + ": " + cudaGetErrorString(error));                   \
  } while (0)

static const int Threads = 128;

// A register that the instruction takes as .f32; its bits are moved, never computed with.
#define FLOAT(word) reinterpret_cast<float &>(word)

// ---- wgmma: one warpgroup, one tile. F32 accumulators are 4 registers, F16 ones 2. The instruction is awaited in the same piece of
// assembly that starts it, so that nothing touches its registers meanwhile.

#define FENCE "wgmma.fence.sync.aligned;\n"
#define WAIT "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"

#define WGMMA_F32(name, opcode, tail)                                                                                            \
  struct name {                                                                                                                  \
    static const int Registers = 4;                                                                                              \
    static __device__ __forceinline__ void run(uint32_t *d, uint64_t a, uint64_t b, uint32_t scaleD) {                           \
      asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %6, 0;\n" FENCE opcode " {%0, %1, %2, %3}, %4, %5, p, " tail ";\n" WAIT "}\n"  \
                   : "+f"(FLOAT(d[0])), "+f"(FLOAT(d[1])), "+f"(FLOAT(d[2])), "+f"(FLOAT(d[3]))                                  \
                   : "l"(a), "l"(b), "r"(scaleD)                                                                                 \
                   : "memory");                                                                                                  \
    }                                                                                                                            \
  };
#define WGMMA_F16(name, opcode, tail)                                                                                            \
  struct name {                                                                                                                  \
    static const int Registers = 2;                                                                                              \
    static __device__ __forceinline__ void run(uint32_t *d, uint64_t a, uint64_t b, uint32_t scaleD) {                           \
      asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %4, 0;\n" FENCE opcode " {%0, %1}, %2, %3, p, " tail ";\n" WAIT "}\n"          \
                   : "+r"(d[0]), "+r"(d[1])                                                                                      \
                   : "l"(a), "l"(b), "r"(scaleD)                                                                                 \
                   : "memory");                                                                                                  \
    }                                                                                                                            \
  };

// Eight-bit and TF32 operands are always K-major; 16-bit ones say so with two zeros.
#define LINE(name, warpgroup, k, d, a, b, types) WGMMA_F32(name, "wgmma.mma_async.sync.aligned.m64n8k32.f32." types, "1, 1")
WGMMA_F32_UNITS(LINE)
#undef LINE
#define LINE(name, warpgroup, k, d, a, b, types) WGMMA_F16(name, "wgmma.mma_async.sync.aligned.m64n8k32.f16." types, "1, 1")
WGMMA_F16_UNITS(LINE)
#undef LINE
WGMMA_F32(WgmmaBF16, "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16", "1, 1, 0, 0")
WGMMA_F32(WgmmaFP16, "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16", "1, 1, 0, 0")
WGMMA_F16(WgmmaFP16F16, "wgmma.mma_async.sync.aligned.m64n8k16.f16.f16.f16", "1, 1, 0, 0")
WGMMA_F32(WgmmaTF32, "wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32", "1, 1")

// Accumulators of one thread of one tile, from and to codes in memory.
static __device__ __forceinline__ void loadAccumulators(uint32_t *d, int registers, const uint8_t *c, uint64_t tile, int thread) {
  for (int i = 0; i < 4; i++) {
    uint64_t at = tile * TileDots + accumulatorRow(thread, i) * TileColumns + accumulatorColumn(thread, i);
    if (registers == 4)
      d[i] = reinterpret_cast<const uint32_t *>(c)[at];
    else if (i % 2 == 0)
      d[i / 2] = *reinterpret_cast<const uint32_t *>(c + at * 2);
  }
}

static __device__ __forceinline__ void storeAccumulators(const uint32_t *d, int registers, uint8_t *c, uint64_t tile, int thread) {
  for (int i = 0; i < 4; i++) {
    uint64_t at = tile * TileDots + accumulatorRow(thread, i) * TileColumns + accumulatorColumn(thread, i);
    if (registers == 4)
      reinterpret_cast<uint32_t *>(c)[at] = d[i];
    else if (i % 2 == 0)
      *reinterpret_cast<uint32_t *>(c + at * 2) = d[i / 2];
  }
}

template <typename Instruction>
__global__ void __launch_bounds__(Threads) wgmmaTiles(const uint8_t *a, const uint8_t *b, const uint8_t *c, uint8_t *out, int steps) {
  __shared__ __align__(128) uint8_t sharedA[TileRows * WgmmaRowBytes], sharedB[TileColumns * WgmmaRowBytes];
  int thread = int(threadIdx.x);
  uint64_t tile = blockIdx.x;
  uint64_t descriptorA = descriptor(uint32_t(__cvta_generic_to_shared(sharedA))), descriptorB = descriptor(uint32_t(__cvta_generic_to_shared(sharedB)));
  uint32_t d[Instruction::Registers];
  loadAccumulators(d, Instruction::Registers, c, tile, thread);
  for (int s = 0; s < steps; s++) {
    // One 16-byte chunk of A a thread; the first 16 threads take B too.
    const uint4 *fromA = reinterpret_cast<const uint4 *>(a + (tile * steps + s) * sizeof sharedA);
    const uint4 *fromB = reinterpret_cast<const uint4 *>(b + (tile * steps + s) * sizeof sharedB);
    *reinterpret_cast<uint4 *>(sharedA + coreMatrixOffset(thread / 2, thread % 2)) = fromA[thread];
    if (thread < 2 * TileColumns) *reinterpret_cast<uint4 *>(sharedB + coreMatrixOffset(thread / 2, thread % 2)) = fromB[thread];
    asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
    __syncthreads();
    // Without an addend the first step runs with scale-d = 0.
    uint32_t scaleD = s > 0 || tile / ElementMaps % AddendMaps != None;
    Instruction::run(d, descriptorA, descriptorB, scaleD);
    __syncthreads();
  }
  storeAccumulators(d, Instruction::Registers, out, tile, thread);
}

// ---- mma.sync: four warps, 16 rows each. Rows of 32 bytes are 4 and 2 registers, rows of 16 bytes 2 and 1.

#define MMA_32_F32(name, opcode)                                                                                                 \
  struct name {                                                                                                                  \
    static const int Registers = 4, Chunks = 2;                                                                                  \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                              \
      asm volatile(opcode " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"                                   \
                   : "+f"(FLOAT(d[0])), "+f"(FLOAT(d[1])), "+f"(FLOAT(d[2])), "+f"(FLOAT(d[3]))                                  \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                          \
    }                                                                                                                            \
  };
#define MMA_16_F32(name, opcode)                                                                                                 \
  struct name {                                                                                                                  \
    static const int Registers = 4, Chunks = 1;                                                                                  \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                              \
      asm volatile(opcode " {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};\n"                                               \
                   : "+f"(FLOAT(d[0])), "+f"(FLOAT(d[1])), "+f"(FLOAT(d[2])), "+f"(FLOAT(d[3]))                                  \
                   : "r"(a[0]), "r"(a[1]), "r"(b[0]));                                                                           \
    }                                                                                                                            \
  };
#define MMA_32_F16(name, opcode)                                                                                                 \
  struct name {                                                                                                                  \
    static const int Registers = 2, Chunks = 2;                                                                                  \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                              \
      asm volatile(opcode " {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%0, %1};\n"                                                   \
                   : "+r"(d[0]), "+r"(d[1])                                                                                      \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                          \
    }                                                                                                                            \
  };
#define MMA_16_F16(name, opcode)                                                                                                 \
  struct name {                                                                                                                  \
    static const int Registers = 2, Chunks = 1;                                                                                  \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                              \
      asm volatile(opcode " {%0, %1}, {%2, %3}, {%4}, {%0, %1};\n" : "+r"(d[0]), "+r"(d[1]) : "r"(a[0]), "r"(a[1]), "r"(b[0]));  \
    }                                                                                                                            \
  };

#define LINE(name, warpgroup, k, d, a, b, types) MMA_32_F32(name, "mma.sync.aligned.m16n8k32.row.col.f32." types ".f32")
MMA_FP8_F32_UNITS(LINE)
#undef LINE
// CUDA 12.8 (PTX ISA 8.7) brought binary16 accumulators to the 8-bit form.
#if defined(__clang__) || __CUDACC_VER_MAJOR__ > 12 || (__CUDACC_VER_MAJOR__ == 12 && __CUDACC_VER_MINOR__ >= 8)
#define HAS_MMA_FP8_F16 1
#define LINE(name, warpgroup, k, d, a, b, types) MMA_32_F16(name, "mma.sync.aligned.m16n8k32.row.col.f16." types ".f16")
MMA_FP8_F16_UNITS(LINE)
#undef LINE
#endif
MMA_32_F32(MmaBF16, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")
MMA_32_F32(MmaFP16, "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32")
MMA_32_F16(MmaFP16F16, "mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16")
MMA_16_F32(MmaBF16K8, "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32")
MMA_16_F32(MmaFP16K8, "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32")
MMA_16_F16(MmaFP16F16K8, "mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16")
MMA_32_F32(MmaTF32, "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32")
MMA_16_F32(MmaTF32K4, "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32")

template <typename Instruction>
__global__ void __launch_bounds__(Threads) mmaTiles(const uint8_t *a, const uint8_t *b, const uint8_t *c, uint8_t *out, int steps) {
  const int rowBytes = Instruction::Chunks * ChunkBytes;
  int thread = int(threadIdx.x);
  uint64_t tile = blockIdx.x;
  uint32_t d[Instruction::Registers], operandA[2 * Instruction::Chunks], operandB[Instruction::Chunks];
  loadAccumulators(d, Instruction::Registers, c, tile, thread);
  for (int s = 0; s < steps; s++) {
    const uint8_t *fromA = a + (tile * steps + s) * TileRows * rowBytes, *fromB = b + (tile * steps + s) * TileColumns * rowBytes;
    for (int i = 0; i < 2 * Instruction::Chunks; i++)
      operandA[i] = *reinterpret_cast<const uint32_t *>(fromA + operandRowA(thread, i) * rowBytes + operandByteA(thread, i));
    for (int i = 0; i < Instruction::Chunks; i++)
      operandB[i] = *reinterpret_cast<const uint32_t *>(fromB + operandRowB(thread) * rowBytes + operandByteB(thread, i));
    Instruction::run(d, operandA, operandB);
  }
  storeAccumulators(d, Instruction::Registers, out, tile, thread);
}

typedef void (*Kernel)(const uint8_t *, const uint8_t *, const uint8_t *, uint8_t *, int);

// In the order of Units.
static const Kernel Kernels[] = {
#define LINE(name, warpgroup, k, d, a, b, types) wgmmaTiles<name>,
    WGMMA_F32_UNITS(LINE) WGMMA_F16_UNITS(LINE)
#undef LINE
    wgmmaTiles<WgmmaBF16>, wgmmaTiles<WgmmaFP16>, wgmmaTiles<WgmmaFP16F16>, wgmmaTiles<WgmmaTF32>,
#define LINE(name, warpgroup, k, d, a, b, types) mmaTiles<name>,
    MMA_FP8_F32_UNITS(LINE)
#undef LINE
#ifdef HAS_MMA_FP8_F16
#define LINE(name, warpgroup, k, d, a, b, types) mmaTiles<name>,
#else
#define LINE(name, warpgroup, k, d, a, b, types) nullptr,
#endif
    MMA_FP8_F16_UNITS(LINE)
#undef LINE
    mmaTiles<MmaBF16>, mmaTiles<MmaFP16>, mmaTiles<MmaFP16F16>, mmaTiles<MmaBF16K8>, mmaTiles<MmaFP16K8>, mmaTiles<MmaFP16F16K8>,
    mmaTiles<MmaTF32>, mmaTiles<MmaTF32K4>};
static_assert(sizeof(Kernels) / sizeof(Kernels[0]) == UnitCount, "a kernel for each unit");

// ---- the program

struct Options {
  std::string out, driver = "unknown", date, compiler, device, only;
  uint64_t seed = 1, tiles = 512;
  uint32_t count = 1u << 20;
  int steps = 1, cudaDriver = 0, runtime = 0, major = 0, minor = 0;
  bool explicitInputs = false, dots = true, scalars = true;
};

static Header provenance(const Options &o, const char *kind, const std::string &instruction) {
  Header header;
  header.text("kind", kind).text("origin", "hardware").text("instruction", instruction).text("device", o.device);
  header.text("compute_capability", std::to_string(o.major) + "." + std::to_string(o.minor)).text("driver", o.driver);
  header.number("cuda_driver", o.cudaDriver).number("cuda_runtime", o.runtime).text("compiler", o.compiler).text("date", o.date);
  return header;
}

static uint8_t *onDevice(const std::vector<uint8_t> &bytes) {
  uint8_t *memory = nullptr;
  CHECK(cudaMalloc(&memory, bytes.size()));
  CHECK(cudaMemcpy(memory, bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
  return memory;
}

// Whole numbers are exact in every unit: were an operand or an accumulator misplaced, they would not come out as the host adds them.
static void checkWholeNumbers(const Unit &unit, const Inputs &in, const std::vector<uint8_t> &d, uint64_t tiles, int steps) {
  uint64_t checked = 0;
  int size = unit.d->bits / 8, sizeA = unit.a->bits / 8, sizeB = unit.b->bits / 8;
  auto value = [](const Format &f, uint32_t code) {
    if (f.exponentOf(code) == 0) return 0;
    int e = int(f.exponentOf(code)) - f.bias, m = int((f.mantissaOf(code) | 1u << f.mantissa) >> (f.mantissa - e));
    return f.negative(code) ? -m : m;
  };
  for (uint64_t i = 0; i < tiles * TileDots; i++) {
    uint64_t tile = i / TileDots;
    int map = addendMapOf(tile), row = int(i % TileDots) / TileColumns, column = int(i % TileColumns);
    if (elementMapOf(tile) != Integers || !(map == None || map == Zero || map == WholeNumbers)) continue;
    int sum = value(*unit.d, load(in.c.data(), i, size));
    for (int s = 0; s < steps; s++)
      for (int k = 0; k < unit.k; k++)
        sum += value(*unit.a, load(in.a.data(), ((tile * steps + s) * TileRows + row) * unit.k + k, sizeA)) *
               value(*unit.b, load(in.b.data(), ((tile * steps + s) * TileColumns + column) * unit.k + k, sizeB));
    uint32_t got = load(d.data(), i, size), want = wholeNumber(*unit.d, sum);
    if (got != want && !(sum == 0 && uint64_t(got) << 1 == uint64_t(1) << unit.d->bits)) {
      char text[160];
      snprintf(text, sizeof text, "tile %llu, row %d, column %d: %d was expected (0x%x), 0x%x came out", (unsigned long long)tile, row, column, sum, want, got);
      throw std::runtime_error(unit.instruction() + ": " + text + "; an operand or accumulator is misplaced, nothing was written");
    }
    checked++;
  }
  if (checked == 0) throw std::runtime_error("--tiles: at least 14 are needed, so that the placement can be checked");
}

static void captureDots(const Options &o, int which) {
  const Unit &unit = Units[which];
  if (!Kernels[which]) {
    printf("%-28s left out: this compiler is older than CUDA 12.8\n", unit.shortName().c_str());
    return;
  }
  Inputs in = makeInputs(unit, o.seed, o.tiles, o.steps);
  std::vector<uint8_t> d(in.c.size());
  uint8_t *a = onDevice(in.a), *b = onDevice(in.b), *c = onDevice(in.c), *out = nullptr;
  CHECK(cudaMalloc(&out, d.size()));
  CHECK(cudaMemset(out, 0xA5, d.size()));
  Kernels[which]<<<unsigned(o.tiles), Threads>>>(a, b, c, out, o.steps);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaMemcpy(d.data(), out, d.size(), cudaMemcpyDeviceToHost));
  for (uint8_t *memory : {a, b, c, out}) CHECK(cudaFree(memory));
  checkWholeNumbers(unit, in, d, o.tiles, o.steps);

  Header header = provenance(o, "dot", unit.instruction());
  describeDots(header, unit, in, o.seed, o.tiles, o.steps, o.explicitInputs);
  std::string path = o.out + "/" + unit.shortName() + ".s" + std::to_string(o.steps) + ".capture";
  if (o.explicitInputs)
    writeCapture(path, header, {&d, &in.a, &in.b, &in.c});
  else
    writeCapture(path, header, {&d});
  printf("%-28s %llu dot products of %d\n", unit.shortName().c_str(), (unsigned long long)(o.tiles * TileDots), unit.k * o.steps);
}

static void captureScalar(const Options &o, const Scalar &scalar) {
  uint32_t count = scalar.edges ? 1u << 20 : o.count;
  std::vector<uint8_t> results(uint64_t(count) * scalar.bytes);
  uint8_t *out = nullptr;
  CHECK(cudaMalloc(&out, results.size()));
  scalar.kernel<<<256, 256>>>(out, count, scalar.edges, scalar.first, scalar.step);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaMemcpy(results.data(), out, results.size(), cudaMemcpyDeviceToHost));
  CHECK(cudaFree(out));

  Header header = provenance(o, scalar.kind, scalar.instruction);
  header.text("map", scalar.edges ? "edges" : "sequence").number("count", count).number("result_bytes", scalar.bytes);
  if (!scalar.edges) header.word("first", scalar.first).word("step", scalar.step);
  writeCapture(o.out + "/" + scalar.name + ".capture", header, {&results});
  printf("%-28s %u arguments\n", scalar.name, count);
}

static Options read(int count, char **arguments) {
  Options o;
  for (int i = 1; i < count; i++) {
    std::string name = arguments[i];
    auto next = [&] {
      if (++i == count) throw std::runtime_error(name + ": a value is missing");
      return std::string(arguments[i]);
    };
    if (name == "--out") o.out = next();
    else if (name == "--seed") o.seed = strtoull(next().c_str(), nullptr, 0);
    else if (name == "--tiles") o.tiles = strtoull(next().c_str(), nullptr, 0);
    else if (name == "--steps") o.steps = atoi(next().c_str());
    else if (name == "--count") o.count = uint32_t(strtoull(next().c_str(), nullptr, 0));
    else if (name == "--only") o.only = next();
    else if (name == "--driver") o.driver = next();
    else if (name == "--explicit") o.explicitInputs = true;
    else if (name == "--no-scalars") o.scalars = false;
    else if (name == "--no-dots") o.dots = false;
    else throw std::runtime_error(name + ": capture --out DIR [--seed S] [--tiles N] [--steps N] [--count N] [--only TEXT] [--driver TEXT] [--explicit] [--no-scalars] [--no-dots]");
  }
  if (o.out.empty()) throw std::runtime_error("--out DIR is missing");
  if (o.tiles < 14 || o.tiles > 1 << 20 || o.steps < 1 || o.steps > 256 || o.count < 1) throw std::runtime_error("--tiles 14 to 2^20, --steps 1 to 256, --count from 1");
  return o;
}

int main(int count, char **arguments) try {
  Options o = read(count, arguments);
  cudaDeviceProp device;
  CHECK(cudaGetDeviceProperties(&device, 0));
  o.device = device.name;
  o.major = device.major;
  o.minor = device.minor;
  if (o.major != 9) throw std::runtime_error(o.device + ": compute capability 9.0 (Hopper) is needed; wgmma exists on no other");
  CHECK(cudaDriverGetVersion(&o.cudaDriver));
  CHECK(cudaRuntimeGetVersion(&o.runtime));
  o.compiler = COMPILER;
  time_t now = time(nullptr);
  char date[32];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  o.date = date;

  for (int i = 0; o.dots && i < UnitCount; i++)
    if (Units[i].shortName().find(o.only) != std::string::npos) captureDots(o, i);
  for (const Scalar &scalar : Scalars)
    if (o.scalars && std::string(scalar.name).find(o.only) != std::string::npos) captureScalar(o, scalar);
  return 0;
} catch (const std::exception &e) {
  fprintf(stderr, "capture: %s\n", e.what());
  return 1;
}
