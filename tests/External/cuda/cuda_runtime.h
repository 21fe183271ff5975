// As much of CUDA as the files of tools/backends/cuda name, so that clang reads them where there is no toolkit: for tests alone, nothing here runs.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#define __host__ __attribute__((host))
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __forceinline__ __inline__ __attribute__((always_inline))
#define __launch_bounds__(threads) __attribute__((launch_bounds(threads)))
#define __align__(bytes) __attribute__((aligned(bytes)))

struct uint3 { unsigned x, y, z; };
struct uint4 { unsigned x, y, z, w; };
struct dim3 {
  unsigned x, y, z;
  __host__ __device__ dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
#include <__clang_cuda_builtin_vars.h>

__device__ static inline float __uint_as_float(unsigned u) { return __builtin_bit_cast(float, u); }
__device__ static inline unsigned __float_as_uint(float f) { return __builtin_bit_cast(unsigned, f); }
__device__ static inline float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
__device__ static inline float fabsf(float x) { return __builtin_fabsf(x); }
__device__ static inline double sqrt(double x) { return __builtin_sqrt(x); }
__device__ double exp(double);
__device__ static inline void *memcpy(void *to, const void *from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }
__device__ static inline size_t __cvta_generic_to_shared(const void *p) { return (size_t)(__attribute__((address_space(3))) const void *)p; }

enum cudaError_t {
  cudaSuccess, cudaErrorMemoryAllocation = 2, cudaErrorDevicesUnavailable = 46, cudaErrorNoDevice = 100, cudaErrorDeviceUninitialized = 201, cudaErrorECCUncorrectable = 214,
  cudaErrorIllegalAddress = 700, cudaErrorLaunchTimeout = 702, cudaErrorContextIsDestroyed = 709, cudaErrorAssert = 710, cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715, cudaErrorMisalignedAddress = 716, cudaErrorInvalidAddressSpace = 717, cudaErrorInvalidPc = 718, cudaErrorLaunchFailure = 719
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
struct cudaDeviceProp { char name[256]; int major, minor; };
typedef struct CUstream_st *cudaStream_t;
cudaError_t cudaMalloc(void **, size_t);
template <typename T> cudaError_t cudaMalloc(T **p, size_t bytes) { return cudaMalloc((void **)p, bytes); }
cudaError_t cudaFree(void *);
cudaError_t cudaMemset(void *, int, size_t);
cudaError_t cudaMemcpy(void *, const void *, size_t, cudaMemcpyKind);
cudaError_t cudaLaunchKernel(const void *, dim3, dim3, void **, size_t, cudaStream_t);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *, int);
cudaError_t cudaDriverGetVersion(int *);
cudaError_t cudaRuntimeGetVersion(int *);
const char *cudaGetErrorName(cudaError_t);
const char *cudaGetErrorString(cudaError_t);
// What clang makes of <<<blocks, threads>>>.
extern "C" cudaError_t cudaConfigureCall(dim3, dim3, size_t = 0, cudaStream_t = nullptr);
extern "C" unsigned __cudaPushCallConfiguration(dim3, dim3, size_t = 0, cudaStream_t = nullptr);
