// The matrix instructions, as inline PTX. Each is a struct: how many registers its accumulators take, and run.
#pragma once
#include <cstdint>

// CUDA 12.8 (PTX ISA 8.7) brought binary16 accumulators to mma.sync on FP8.
#if defined(__clang__) || __CUDACC_VER_MAJOR__ > 12 || (__CUDACC_VER_MAJOR__ == 12 && __CUDACC_VER_MINOR__ >= 8)
#define HAS_MMA_FP8_F16 1
#endif

// Registers that the instruction takes as .f32; their bits are moved, never computed with.
#define TO_FLOATS float f0 = __uint_as_float(d[0]), f1 = __uint_as_float(d[1]), f2 = __uint_as_float(d[2]), f3 = __uint_as_float(d[3]);
#define FROM_FLOATS d[0] = __float_as_uint(f0), d[1] = __float_as_uint(f1), d[2] = __float_as_uint(f2), d[3] = __float_as_uint(f3);

// wgmma: one warpgroup, one tile. F32 accumulators are 4 registers, F16 ones 2. The instruction is awaited in the same piece of
// assembly that starts it, so that nothing touches its registers meanwhile.

// What ordinary stores put into shared memory, wgmma reads through another proxy.
#define FENCE_SHARED_STORES() asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory")

#define FENCE "wgmma.fence.sync.aligned;\n"
#define WAIT "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"

#define WGMMA_F32(name, opcode, tail)                                                                                                     \
  struct name {                                                                                                                           \
    static const int Registers = 4;                                                                                                       \
    static __device__ __forceinline__ void run(uint32_t *d, uint64_t a, uint64_t b, uint32_t scaleD) {                                    \
      TO_FLOATS                                                                                                                           \
      asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %6, 0;\n" FENCE opcode " {%0, %1, %2, %3}, %4, %5, p, " tail ";\n" WAIT "}\n"        \
                   : "+f"(f0), "+f"(f1), "+f"(f2), "+f"(f3)                                                                               \
                   : "l"(a), "l"(b), "r"(scaleD)                                                                                          \
                   : "memory");                                                                                                           \
      FROM_FLOATS                                                                                                                         \
    }                                                                                                                                     \
  };
#define WGMMA_F16(name, opcode, tail)                                                                                                     \
  struct name {                                                                                                                           \
    static const int Registers = 2;                                                                                                       \
    static __device__ __forceinline__ void run(uint32_t *d, uint64_t a, uint64_t b, uint32_t scaleD) {                                    \
      asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %4, 0;\n" FENCE opcode " {%0, %1}, %2, %3, p, " tail ";\n" WAIT "}\n"                \
                   : "+r"(d[0]), "+r"(d[1])                                                                                               \
                   : "l"(a), "l"(b), "r"(scaleD)                                                                                          \
                   : "memory");                                                                                                           \
    }                                                                                                                                     \
  };

// mma.sync: one warp, 16 rows. Rows of 32 bytes are 4 and 2 registers, rows of 16 bytes 2 and 1.

#define MMA_32_F32(name, opcode)                                                                                                          \
  struct name {                                                                                                                           \
    static const int Registers = 4, Chunks = 2;                                                                                           \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                                       \
      TO_FLOATS                                                                                                                           \
      asm volatile(opcode " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};\n"                                            \
                   : "+f"(f0), "+f"(f1), "+f"(f2), "+f"(f3)                                                                               \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                                   \
      FROM_FLOATS                                                                                                                         \
    }                                                                                                                                     \
  };
#define MMA_16_F32(name, opcode)                                                                                                          \
  struct name {                                                                                                                           \
    static const int Registers = 4, Chunks = 1;                                                                                           \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                                       \
      TO_FLOATS                                                                                                                           \
      asm volatile(opcode " {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};\n"                                                        \
                   : "+f"(f0), "+f"(f1), "+f"(f2), "+f"(f3)                                                                               \
                   : "r"(a[0]), "r"(a[1]), "r"(b[0]));                                                                                    \
      FROM_FLOATS                                                                                                                         \
    }                                                                                                                                     \
  };
#define MMA_32_F16(name, opcode)                                                                                                          \
  struct name {                                                                                                                           \
    static const int Registers = 2, Chunks = 2;                                                                                           \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                                       \
      asm volatile(opcode " {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%0, %1};\n"                                                            \
                   : "+r"(d[0]), "+r"(d[1])                                                                                               \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                                   \
    }                                                                                                                                     \
  };
#define MMA_16_F16(name, opcode)                                                                                                          \
  struct name {                                                                                                                           \
    static const int Registers = 2, Chunks = 1;                                                                                           \
    static __device__ __forceinline__ void run(uint32_t *d, const uint32_t *a, const uint32_t *b) {                                       \
      asm volatile(opcode " {%0, %1}, {%2, %3}, {%4}, {%0, %1};\n" : "+r"(d[0]), "+r"(d[1]) : "r"(a[0]), "r"(a[1]), "r"(b[0]));           \
    }                                                                                                                                     \
  };
