// The driver of driver.h over the CUDA runtime, and the kernels for sm_90a.
#include <cuda_runtime.h>

#include "capture/ptx.cuh"
// After the instructions:
#include "capture/kernels.cuh"
#include "driver.h"

// E4M3 by the instruction that kernels use: to nearest, ties to even, saturating.
static __device__ __forceinline__ uint8_t convertE4M3(float value) {
  uint16_t pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(0.0f), "f"(value));
  return uint8_t(pair);
}

#include "kernels/gemm.cuh"
#include "kernels/rows.cuh"

namespace {

const void *kernels[KernelCount] = {
    reinterpret_cast<const void *>(gemm<WgmmaE4M3E4M3F32, true>), reinterpret_cast<const void *>(gemm<WgmmaBF16, false>),
    reinterpret_cast<const void *>(quantize), reinterpret_cast<const void *>(rmsNorm), reinterpret_cast<const void *>(gate),
};

// Errors after which no call to the context succeeds.
bool isSticky(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress: case cudaErrorLaunchFailure: case cudaErrorLaunchTimeout: case cudaErrorHardwareStackError: case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress: case cudaErrorInvalidAddressSpace: case cudaErrorInvalidPc: case cudaErrorAssert: case cudaErrorECCUncorrectable:
    case cudaErrorNoDevice: case cudaErrorDevicesUnavailable: case cudaErrorContextIsDestroyed: case cudaErrorDeviceUninitialized:
      return true;
    default: return false;
  }
}

class CudaDriver final : public Driver {
 public:
  explicit CudaDriver(const cudaDeviceProp &device) : name(device.name) {}

  std::string device() override { return name; }
  DriverStatus allocate(uint64_t bytes, void **data) override { return accept("cudaMalloc", cudaMalloc(data, bytes)); }
  DriverStatus release(void *data) override { return accept("cudaFree", cudaFree(data)); }
  DriverStatus upload(void *data, const void *from, uint64_t bytes) override { return accept("cudaMemcpy", cudaMemcpy(data, from, bytes, cudaMemcpyHostToDevice)); }
  DriverStatus download(const void *data, void *to, uint64_t bytes) override { return accept("cudaMemcpy", cudaMemcpy(to, data, bytes, cudaMemcpyDeviceToHost)); }

  DriverStatus run(const Launch &launch) override {
    if (launch.blocks > 0x7FFFFFFF) {
      why = "a grid of " + std::to_string(launch.blocks) + " blocks";
      return DriverStatus::LaunchError;
    }
    void *arguments[] = {const_cast<void *>(launch.arguments)};
    DriverStatus status = accept("cudaLaunchKernel", cudaLaunchKernel(kernels[launch.kernel], dim3(unsigned(launch.blocks)), dim3(Threads), arguments, 0, nullptr));
    return status == DriverStatus::Ok ? accept("cudaDeviceSynchronize", cudaDeviceSynchronize()) : status;
  }

  const std::string &reason() override { return why; }

 private:
  std::string name, why;

  DriverStatus accept(const char *call, cudaError_t error) {
    if (error == cudaSuccess) return DriverStatus::Ok;
    why = std::string(call) + ": " + cudaGetErrorName(error) + ", " + cudaGetErrorString(error);
    cudaGetLastError();  // what is not sticky is forgotten
    return error == cudaErrorMemoryAllocation ? DriverStatus::OutOfMemory : isSticky(error) ? DriverStatus::ContextLost : DriverStatus::LaunchError;
  }
};

}  // namespace

Driver *makeDriver(std::string &reason) {
  cudaDeviceProp device;
  cudaError_t error = cudaGetDeviceProperties(&device, 0);
  if (error != cudaSuccess) {
    reason = std::string("no GPU: ") + cudaGetErrorString(error);
    return nullptr;
  }
  if (device.major != 9) {
    reason = std::string(device.name) + ": compute capability 9.0 (Hopper) is needed; wgmma exists on no other";
    return nullptr;
  }
  return new CudaDriver(device);
}
