// Conversions and approximate functions, one argument a thread.
#pragma once
#include <cstdint>

#ifdef __CUDACC_VER_MAJOR__
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define COMPILER "nvcc " TEXT(__CUDACC_VER_MAJOR__) "." TEXT(__CUDACC_VER_MINOR__) "." TEXT(__CUDACC_VER_BUILD__)
#else
#define COMPILER "clang"
#endif

// Argument i of the map "edges": every upper half of a binary32 pattern, with the lower halves at which roundings turn.
static __device__ __forceinline__ uint32_t edgeArgument(uint32_t i) {
  const uint32_t low[16] = {0x0000, 0x0001, 0x0002, 0xFFFF, 0xFFFE, 0x7FFF, 0x8000, 0x8001, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x3001, 0x1FFF, 0x2000};
  return i >> 4 << 16 | low[i & 15];
}

// One store of a result's own width. Stored byte by byte, results of 16 bits came out wrong as nvcc 13.0.88 built it; why was not looked for.
template <int Bytes> static __device__ __forceinline__ void store(uint8_t *out, uint32_t i, uint32_t y) {
  if (Bytes == 1) out[i] = uint8_t(y);
  if (Bytes == 2) reinterpret_cast<uint16_t *>(out)[i] = uint16_t(y);
  if (Bytes == 4) reinterpret_cast<uint32_t *>(out)[i] = y;
}

// The conversion that puts its second operand into the low byte.
#define EIGHT_BIT(opcode)                                                          \
  {                                                                                \
    uint16_t pair;                                                                 \
    asm volatile(opcode " %0, %1, %2;" : "=h"(pair) : "f"(0.0f), "f"(x));          \
    return pair & 0xFF;                                                            \
  }
#define SIXTEEN_BIT(opcode)                                     \
  {                                                             \
    uint16_t y;                                                 \
    asm volatile(opcode " %0, %1;" : "=h"(y) : "f"(x));         \
    return y;                                                   \
  }
#define WORD(opcode)                                            \
  {                                                             \
    uint32_t y;                                                 \
    asm volatile(opcode " %0, %1;" : "=r"(y) : "f"(x));         \
    return y;                                                   \
  }
#define REAL(opcode)                                            \
  {                                                             \
    float y;                                                    \
    asm volatile(opcode " %0, %1;" : "=f"(y) : "f"(x));         \
    return __float_as_uint(y);                                  \
  }

// X(function, kind, file name, instruction, bytes of a result, edges, first argument, step, body). Scattered arguments: an odd step.
#define SCALARS(X)                                                                                                                        \
  X(ToE4M3Edges, "convert", "cvt.e4m3.edges", "cvt.rn.satfinite.e4m3x2.f32", 1, true, 0, 0, EIGHT_BIT("cvt.rn.satfinite.e4m3x2.f32"))     \
  X(ToE5M2Edges, "convert", "cvt.e5m2.edges", "cvt.rn.satfinite.e5m2x2.f32", 1, true, 0, 0, EIGHT_BIT("cvt.rn.satfinite.e5m2x2.f32"))     \
  X(ToBF16Edges, "convert", "cvt.bf16.edges", "cvt.rn.bf16.f32", 2, true, 0, 0, SIXTEEN_BIT("cvt.rn.bf16.f32"))                           \
  X(ToFP16Edges, "convert", "cvt.f16.edges", "cvt.rn.f16.f32", 2, true, 0, 0, SIXTEEN_BIT("cvt.rn.f16.f32"))                              \
  X(ToTF32Edges, "convert", "cvt.tf32.edges", "cvt.rna.tf32.f32", 4, true, 0, 0, WORD("cvt.rna.tf32.f32"))                                \
  X(ToE4M3, "convert", "cvt.e4m3", "cvt.rn.satfinite.e4m3x2.f32", 1, false, 0, 0x9E3779B1u, EIGHT_BIT("cvt.rn.satfinite.e4m3x2.f32"))     \
  X(ToE5M2, "convert", "cvt.e5m2", "cvt.rn.satfinite.e5m2x2.f32", 1, false, 0, 0x9E3779B1u, EIGHT_BIT("cvt.rn.satfinite.e5m2x2.f32"))     \
  X(Reciprocal, "function", "rcp", "rcp.approx.ftz.f32", 4, false, 0x3F800000u, 8, REAL("rcp.approx.ftz.f32"))                            \
  X(ReciprocalSqrt, "function", "rsqrt", "rsqrt.approx.ftz.f32", 4, false, 0x3F800000u, 16, REAL("rsqrt.approx.ftz.f32"))                 \
  X(Exp2, "function", "ex2", "ex2.approx.ftz.f32", 4, false, 0x3F800000u, 8, REAL("ex2.approx.ftz.f32"))                                  \
  X(Log2, "function", "lg2", "lg2.approx.ftz.f32", 4, false, 0x3F800000u, 8, REAL("lg2.approx.ftz.f32"))                                  \
  X(ReciprocalWide, "function", "rcp.wide", "rcp.approx.f32", 4, false, 0, 0x9E3779B1u, REAL("rcp.approx.f32"))                           \
  X(ReciprocalSqrtWide, "function", "rsqrt.wide", "rsqrt.approx.f32", 4, false, 0, 0x9E3779B1u, REAL("rsqrt.approx.f32"))                 \
  X(Exp2Wide, "function", "ex2.wide", "ex2.approx.f32", 4, false, 0, 0x9E3779B1u, REAL("ex2.approx.f32"))                                 \
  X(Log2Wide, "function", "lg2.wide", "lg2.approx.f32", 4, false, 0, 0x9E3779B1u, REAL("lg2.approx.f32"))                                 \
  X(Tanh, "function", "tanh", "tanh.approx.f32", 4, false, 0x38800000u, 0xFB, REAL("tanh.approx.f32"))

#define LINE(name, kind, file, instruction, bytes, edges, first, step, body)                                                     \
  static __device__ __forceinline__ uint32_t eval##name(float x) body                                                            \
  static __global__ void name(uint8_t *out, uint32_t count, bool onEdges, uint32_t from, uint32_t by) {                          \
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {                           \
      uint32_t y = eval##name(__uint_as_float(onEdges ? edgeArgument(i) : from + i * by));                                       \
      store<bytes>(out, i, y);                                                                                                   \
    }                                                                                                                            \
  }
SCALARS(LINE)
#undef LINE

struct Scalar {
  void (*kernel)(uint8_t *, uint32_t, bool, uint32_t, uint32_t);
  const char *kind, *name, *instruction;
  int bytes;
  bool edges;
  uint32_t first, step;
};

static const Scalar Scalars[] = {
#define LINE(name, kind, file, instruction, bytes, edges, first, step, body) {name, kind, file, instruction, bytes, edges, first, step},
    SCALARS(LINE)
#undef LINE
};
