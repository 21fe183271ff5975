// The kernels without a GPU: 128 fibers of the host, and the instructions by the placement rules of the PTX ISA, written apart from layout.h:
// "Shared Memory Matrix Layout" of wgmma (no swizzle, K-major), and the register fragments of wgmma m64n8 and mma.sync m16n8.
#pragma once
#include "fibers.h"
#include "model.h"

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static
#define __syncthreads() emulated::together.arrive_and_wait()
#define FENCE_SHARED_STORES()

struct uint4 {
  uint32_t x, y, z, w;
};
struct Index {
  unsigned x;
};
static Index blockIdx;
#define threadIdx (Index{emulated::together.index()})

namespace emulated {

static Fibers together(128);
static const Unit *unit;      // whose kernel runs
static uint32_t *accumulators[128];
static uint32_t registersA[128][4], registersB[128][2];
static uint64_t descriptorA, descriptorB;
static bool scaleD;

// Arrays in shared memory, at addresses of our own: eight of up to 32 KiB, so that a descriptor can name each.
static std::vector<uint8_t *> shared;
static const uint32_t Apart = 32768;

static uint64_t address(void *array) {
  for (size_t i = 0; i < shared.size(); i++)
    if (shared[i] == array) return i * Apart;
  shared.push_back(static_cast<uint8_t *>(array));
  return (shared.size() - 1) * Apart;
}

static void require(const char *opcode) {
  if (opcode == unit->instruction()) return;
  fprintf(stderr, "the kernel of %s runs %s\n", unit->instruction().c_str(), opcode);
  exit(1);
}

// Accumulators are one register each, or two binary16 in one.
static uint32_t get(const uint32_t *d, int i) { return unit->d->bits == 32 ? d[i] : d[i / 2] >> 16 * (i % 2) & 0xFFFF; }
static void set(uint32_t *d, int i, uint32_t code) {
  if (unit->d->bits == 32)
    d[i] = code;
  else
    d[i / 2] = (d[i / 2] & 0xFFFFu << 16 * (1 - i % 2)) | code << 16 * (i % 2);
}

static uint32_t element(uint64_t descriptor, int row, int k) {
  int size = unit->a->bits / 8, byte = k * size;
  uint32_t start = uint32_t(descriptor & 0x3FFF) << 4, leading = uint32_t(descriptor >> 16 & 0x3FFF) << 4, stride = uint32_t(descriptor >> 32 & 0x3FFF) << 4;
  uint32_t at = start + row / 8 * stride + byte / 16 * leading + row % 8 * 16 + byte % 16;
  return load(shared[at / Apart] + at % Apart, 0, size);
}

// D of m64nN: warp w holds rows 16w to 16w + 15; lane 4 (row mod 8) + column / 2; registers by row / 8, then column mod 2.
static void wgmma(const char *opcode, uint32_t *d, uint64_t a, uint64_t b, bool scale) {
  require(opcode);
  accumulators[threadIdx.x] = d;
  if (threadIdx.x == 0) descriptorA = a, descriptorB = b, scaleD = scale;
  together.arrive_and_wait();
  for (int i = 0; threadIdx.x == 0 && i < TileDots; i++) {
    int row = i / TileColumns, column = i % TileColumns;
    std::vector<uint32_t> x(unit->k), y(unit->k);
    for (int k = 0; k < unit->k; k++) x[k] = element(descriptorA, row, k), y[k] = element(descriptorB, column, k);
    uint32_t *held = accumulators[row / 16 * 32 + row % 8 * 4 + column / 2];
    int at = row % 16 / 8 * 2 + column % 2;
    set(held, at, model::multiply(*unit, x, y, scaleD ? get(held, at) : 0));
  }
  together.arrive_and_wait();
}

// m16n8: a lane holds 4 bytes of a row in each register of A, first rows 0 to 7 and 8 to 15, then the second half of K; of a column in each of B.
static void mma(const char *opcode, uint32_t *d, const uint32_t *a, const uint32_t *b, int chunks) {
  require(opcode);
  int thread = int(threadIdx.x), size = unit->a->bits / 8, held = 4 / size, warp = thread / 32 * 32;
  accumulators[thread] = d;
  for (int i = 0; i < 2 * chunks; i++) registersA[thread][i] = a[i];
  for (int i = 0; i < chunks; i++) registersB[thread][i] = b[i];
  together.arrive_and_wait();
  for (int i = 0; thread == warp && i < 16 * 8; i++) {
    int row = i / 8, column = i % 8;
    std::vector<uint32_t> x(unit->k), y(unit->k);
    for (int k = 0; k < unit->k; k++) {
      int lane = k / held % 4, half = k / (4 * held), shift = 8 * size * (k % held);
      uint32_t mask = size == 4 ? ~0u : (1u << 8 * size) - 1;
      x[k] = registersA[warp + row % 8 * 4 + lane][row / 8 + 2 * half] >> shift & mask;
      y[k] = registersB[warp + column * 4 + lane][half] >> shift & mask;
    }
    uint32_t *into = accumulators[warp + row % 8 * 4 + column / 2];
    int at = row / 8 * 2 + column % 2;
    set(into, at, model::multiply(*unit, x, y, get(into, at)));
  }
  together.arrive_and_wait();
}

}  // namespace emulated

#define __cvta_generic_to_shared(array) emulated::address(array)

#define EMULATED_WGMMA(name, opcode, registers)                                       \
  struct name {                                                                       \
    static const int Registers = registers;                                           \
    static void run(uint32_t *d, uint64_t a, uint64_t b, uint32_t scaleD) { emulated::wgmma(opcode, d, a, b, scaleD != 0); } \
  };
#define EMULATED_MMA(name, opcode, registers, chunks)                                 \
  struct name {                                                                       \
    static const int Registers = registers, Chunks = chunks;                          \
    static void run(uint32_t *d, const uint32_t *a, const uint32_t *b) { emulated::mma(opcode, d, a, b, chunks); } \
  };
#define WGMMA_F32(name, opcode, tail) EMULATED_WGMMA(name, opcode, 4)
#define WGMMA_F16(name, opcode, tail) EMULATED_WGMMA(name, opcode, 2)
#define MMA_32_F32(name, opcode) EMULATED_MMA(name, opcode, 4, 2)
#define MMA_16_F32(name, opcode) EMULATED_MMA(name, opcode, 4, 1)
#define MMA_32_F16(name, opcode) EMULATED_MMA(name, opcode, 2, 2)
#define MMA_16_F16(name, opcode) EMULATED_MMA(name, opcode, 2, 1)
#define HAS_MMA_FP8_F16 1
