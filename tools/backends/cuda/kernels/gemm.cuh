// Matrix products on the tensor core: a block of one warpgroup computes 64 x 64 outputs with wgmma m64n8, 128 bytes of K at a time.
// Include ptx.cuh and kernels.cuh of ../capture first (or emulated.h in the place of ptx.cuh): the instructions and layout.h are theirs.
#pragma once
#include "elements.cuh"

#if defined(__CUDACC__) || defined(__CUDA__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL
#endif

// Shared memory holds slices of 32 bytes of K, each in the layout of layout.h: core matrices of 8 rows x 16 bytes, without swizzle.
static const int StepBytes = 128, Slices = StepBytes / WgmmaRowBytes;
static const int SliceBytes = GemmRows * WgmmaRowBytes, EightRows = 8 * WgmmaRowBytes, Eights = GemmColumns / 8;
static_assert(GemmRows == GemmColumns, "both operands' slices are of one size");

// 64 rows x 128 bytes; what lies outside the matrix is +0, as the kernels that are served with load it.
static __device__ __forceinline__ void copyTile(uint8_t *shared, const uint8_t *from, int64_t firstRow, int64_t rows, int64_t firstByte, int64_t rowBytes, int vectors, int thread) {
  for (int piece = thread; piece < GemmRows * StepBytes / ChunkBytes; piece += Threads) {
    int row = piece / (StepBytes / ChunkBytes), chunk = piece % (StepBytes / ChunkBytes);
    int64_t byte = firstByte + int64_t(chunk) * ChunkBytes;
    uint8_t *to = shared + chunk / 2 * SliceBytes + coreMatrixOffset(row, chunk % 2);
    const uint8_t *source = from + (firstRow + row) * rowBytes + byte;
    if (firstRow + row < rows && byte + ChunkBytes <= rowBytes && vectors) {
      *reinterpret_cast<uint4 *>(to) = *reinterpret_cast<const uint4 *>(source);
      continue;
    }
    for (int i = 0; i < ChunkBytes; i++) to[i] = firstRow + row < rows && byte + i < rowBytes ? source[i] : uint8_t(0);
  }
}

static __device__ __forceinline__ int64_t nearest(int64_t i, int64_t count) { return i < count ? i : count - 1; }

// Two levels, as DeepSeek-V3's report 3.3.2 has them: the tensor core's own sum over a run, then scales and addition in binary32.
static __device__ __forceinline__ float promote(float acc, uint32_t d, float sx, float sw, int activationFirst) {
  float sum = bitsToFloat(d);
  return activationFirst ? fmaf(sum * sx, sw, acc) : fmaf(sx * sw, sum, acc);
}

// Four outputs of a thread, after a run of block `block` of K.
static __device__ __forceinline__ void promoteEight(const GemmArguments &g, float *acc, const uint32_t *d, int64_t firstRow, int64_t firstColumn, int64_t block) {
  int thread = int(threadIdx.x);
  UNROLL
  for (int i = 0; i < 4; i++) {
    // The nearest inside stands for what lies outside, so that all threads come to the next instruction together.
    int64_t row = nearest(firstRow + accumulatorRow(thread, i), g.rows), column = nearest(firstColumn + accumulatorColumn(thread, i), g.columns);
    float sx = g.xScale[row * g.scaleBlocks + block], sw = g.weightScale[column / g.rowsPerScale * g.scaleBlocks + block];
    acc[i] = promote(acc[i], d[i], sx, sw, g.activationFirst);
  }
}

template <typename Instruction, bool Scaled>
static __device__ __forceinline__ void gemmTile(const GemmArguments &g, uint8_t *sharedX, uint8_t *sharedW, uint32_t addressX, uint32_t addressW) {
  int thread = int(threadIdx.x);
  int64_t across = (g.columns + GemmColumns - 1) / GemmColumns;
  int64_t firstRow = int64_t(blockIdx.x) / across * GemmRows, firstColumn = int64_t(blockIdx.x) % across * GemmColumns;
  float acc[Eights][4];
  uint32_t d[Eights][4];
  UNROLL
  for (int n = 0; n < Eights; n++)
    UNROLL
    for (int i = 0; i < 4; i++) acc[n][i] = 0.0f, d[n][i] = 0;

  int64_t slices = (g.rowBytes + WgmmaRowBytes - 1) / WgmmaRowBytes;
  for (int64_t step = 0; step * Slices < slices; step++) {
    copyTile(sharedX, g.x, firstRow, g.rows, step * StepBytes, g.rowBytes, g.vectors, thread);
    copyTile(sharedW, g.weight, firstColumn, g.columns, step * StepBytes, g.rowBytes, g.vectors, thread);
    FENCE_SHARED_STORES();
    __syncthreads();
    UNROLL
    for (int n = 0; n < Eights; n++) {
      UNROLL
      for (int s = 0; s < Slices; s++) {
        int64_t slice = step * Slices + s;
        if (slice < slices) {
          bool begins = g.runSlices == 0 ? slice == 0 : slice % g.runSlices == 0;
          Instruction::run(d[n], descriptor(addressX + s * SliceBytes), descriptor(addressW + s * SliceBytes + n * EightRows), !begins);
          bool ends = slice + 1 == slices || (g.runSlices != 0 && (slice + 1) % g.runSlices == 0);
          if (Scaled && ends) promoteEight(g, acc[n], d[n], firstRow, firstColumn + n * 8, g.runSlices == 0 ? 0 : step);
        }
      }
    }
    __syncthreads();
  }

  UNROLL
  for (int n = 0; n < Eights; n++)
    UNROLL
    for (int i = 0; i < 4; i++) {
      int64_t row = firstRow + accumulatorRow(thread, i), column = firstColumn + n * 8 + accumulatorColumn(thread, i);
      if (row >= g.rows || column >= g.columns) continue;
      float value = Scaled ? acc[n][i] : bitsToFloat(d[n][i]);
      // Without any K, C comes out bit for bit: -0 + 0 would be +0.
      if (g.c != nullptr) value = g.rowBytes == 0 ? g.c[row * g.columns + column] : g.c[row * g.columns + column] + value;
      storeElement(g.y, row * g.columns + column, value, g.yElement);
    }
}

template <typename Instruction, bool Scaled>
static __global__ void __launch_bounds__(Threads) gemm(GemmArguments g) {
  __shared__ __align__(128) uint8_t sharedX[Slices * SliceBytes], sharedW[Slices * SliceBytes];
  gemmTile<Instruction, Scaled>(g, sharedX, sharedW, uint32_t(__cvta_generic_to_shared(sharedX)), uint32_t(__cvta_generic_to_shared(sharedW)));
}
