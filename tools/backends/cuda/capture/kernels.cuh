// One block of four warps runs one tile: operands in, steps of one instruction, accumulators out.
// Include ptx.cuh first, or emulated.h in its place.
#pragma once
#include "layout.h"
#include "units.h"
#include "inputs.h"

static const int Threads = 128;

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

#define LINE(name, warpgroup, k, d, a, b, types) MMA_32_F32(name, "mma.sync.aligned.m16n8k32.row.col.f32." types ".f32")
MMA_FP8_F32_UNITS(LINE)
#undef LINE
#ifdef HAS_MMA_FP8_F16
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
    FENCE_SHARED_STORES();
    __syncthreads();
    // Without an addend the first step runs with scale-d = 0.
    uint32_t scaleD = s > 0 || tile / ElementMaps % AddendMaps != None;
    Instruction::run(d, descriptorA, descriptorB, scaleD);
    __syncthreads();
  }
  storeAccumulators(d, Instruction::Registers, out, tile, thread);
}

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
