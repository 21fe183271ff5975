// Elements and roundings in integers, alike on both sides. Conversions to E4M3 are an instruction: convertE4M3, of ../driver_cuda.cu or of ../fake.
#pragma once
#include <cstring>

#include "arguments.h"

static __device__ __forceinline__ float bitsToFloat(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static __device__ __forceinline__ uint32_t floatToBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// To nearest, ties to even; a NaN stays a quiet one.
static __device__ __forceinline__ uint16_t toBF16(float value) {
  uint32_t u = floatToBits(value);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return uint16_t(u >> 16 | 0x40u);
  return uint16_t((u + 0x7FFFu + (u >> 16 & 1u)) >> 16);
}

static __device__ __forceinline__ float roundBF16(float value) { return bitsToFloat(uint32_t(toBF16(value)) << 16); }

static __device__ __forceinline__ float loadElement(const void *from, int64_t i, int element) {
  if (element == ElementBF16) return bitsToFloat(uint32_t(static_cast<const uint16_t *>(from)[i]) << 16);
  return static_cast<const float *>(from)[i];
}

static __device__ __forceinline__ void storeElement(void *to, int64_t i, float value, int element) {
  if (element == ElementBF16)
    static_cast<uint16_t *>(to)[i] = toBF16(value);
  else
    static_cast<float *>(to)[i] = value;
}

static __device__ __forceinline__ bool isNaN(float value) { return value != value; }

// The larger; a NaN among the two is what comes out.
static __device__ __forceinline__ float largerOrNaN(float a, float b) { return isNaN(a) || isNaN(b) ? bitsToFloat(0x7FC00000u) : a > b ? a : b; }
