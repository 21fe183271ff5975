// Where an operand's bytes lie in shared memory, and which elements a thread holds. Every operand row of one instruction is 32 bytes
// (16 in the shortest mma.sync forms), whatever the element type, so that one layout serves all.
#pragma once
#include <cstdint>

#if defined(__CUDACC__) || defined(__CUDA__)
#define BOTH __host__ __device__ __forceinline__
#else
#define BOTH inline
#endif

// Shared memory without swizzle, K-major: core matrices of 8 rows x 16 bytes, 128 contiguous bytes each. The two core matrices of 8 rows
// lie side by side along K (leading dimension byte offset), the next 8 rows after them (stride dimension byte offset).
static const int LeadingOffset = 128, StrideOffset = 256, ChunkBytes = 16, WgmmaRowBytes = 32;

BOTH int coreMatrixOffset(int row, int chunk) { return row / 8 * StrideOffset + chunk * LeadingOffset + row % 8 * ChunkBytes; }

// The 64-bit matrix descriptor: address, leading and stride offsets in units of 16 bytes; base offset 0; no swizzle.
BOTH uint64_t descriptor(uint32_t address) {
  return uint64_t((address & 0x3FFFFu) >> 4) | uint64_t(LeadingOffset >> 4) << 16 | uint64_t(StrideOffset >> 4) << 32;
}

// Accumulator i of a thread, i = 0 to 3: wgmma m64n8, and mma.sync m16n8 with warp w on rows 16w to 16w + 15.
// Binary16 accumulators lie in pairs: register i / 2, low half first.
BOTH int accumulatorRow(int thread, int i) { return thread / 32 * 16 + thread % 32 / 4 + i / 2 * 8; }
BOTH int accumulatorColumn(int thread, int i) { return thread % 4 * 2 + i % 2; }

// mma.sync: register i of A holds 4 bytes of one row, register i of B 4 bytes of one column.
BOTH int operandRowA(int thread, int i) { return thread / 32 * 16 + thread % 32 / 4 + i % 2 * 8; }
BOTH int operandByteA(int thread, int i) { return thread % 4 * 4 + i / 2 * 16; }
BOTH int operandRowB(int thread) { return thread % 32 / 4; }
BOTH int operandByteB(int thread, int i) { return thread % 4 * 4 + i * 16; }
