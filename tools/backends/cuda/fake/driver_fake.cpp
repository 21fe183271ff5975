// The driver of driver.h without a GPU: the same kernels on fibers of the host, with the instructions of ../capture/emulated.h, on memory whose every
// use is looked at. DSREF_CUDA_FAKE makes it fail: oom@N, launch@N, lost@N (the Nth allocation or kernel), leak (at the end, memory that was not given back,
// ends the process with 9). Build: tools/ci/cuda.sh.
#include "../capture/emulated.h"
#include "../capture/kernels.cuh"
#include "../driver.h"

#include <cmath>
#include <cstdlib>
#include <map>

// cvt.rn.satfinite.e4m3x2.f32, by the PTX ISA's words: to nearest, ties to even; beyond 448 it is 448; any NaN is 7F.
static uint8_t convertE4M3(float value) {
  if (value != value) return 0x7F;
  uint8_t sign = std::signbit(value) ? 0x80 : 0;
  double magnitude = std::fabs(double(value));
  if (magnitude >= 448) return sign | 0x7E;
  int exponent = magnitude < 0x1p-6 ? -6 : std::ilogb(magnitude);
  int steps = int(std::nearbyint(std::ldexp(magnitude, 3 - exponent)));  // of 2^(exponent - 3), in the default rounding mode
  return uint8_t(sign | (exponent == -6 && steps < 8 ? steps : ((exponent + 7) << 3) + (steps - 8)));
}

#include "../kernels/gemm.cuh"
#include "../kernels/rows.cuh"

namespace {

const Unit *unitOf(const std::string &name) {
  for (const Unit &unit : Units)
    if (unit.shortName() == name) return &unit;
  return nullptr;
}

template <typename Arguments>
void onFibers(void (*kernel)(Arguments), const void *from, int64_t blocks, const char *unit) {
  Arguments arguments;
  memcpy(&arguments, from, sizeof arguments);
  emulated::unit = unit == nullptr ? nullptr : unitOf(unit);
  emulated::shared.clear();
  emulated::together.run([&](unsigned) {
    for (int64_t block = 0; block < blocks; block++) {
      blockIdx.x = unsigned(block);
      kernel(arguments);
      emulated::together.arrive_and_wait();
    }
  });
}

class FakeDriver final : public Driver {
 public:
  FakeDriver() {
    const char *how = getenv("DSREF_CUDA_FAKE");
    fails = how == nullptr ? "" : how;
    size_t at = fails.find('@');
    if (at != std::string::npos) when = atoi(fails.c_str() + at + 1), fails.resize(at);
  }

  ~FakeDriver() override {
    if (live.empty()) return;
    fprintf(stderr, "fake driver: %zu allocations were not given back\n", live.size());
    fflush(stderr);
    if (!lost) _Exit(9);
  }

  std::string device() override { return "fibers of the host"; }

  DriverStatus allocate(uint64_t bytes, void **data) override {
    if (lost) return gone();
    if (fails == "oom" && ++allocations == when) return fail(DriverStatus::OutOfMemory, "the fake device has no more memory");
    // Allocations of the CUDA runtime begin at multiples of 256.
    void *start = aligned_alloc(256, (bytes + 511) / 256 * 256);
    if (start == nullptr) return fail(DriverStatus::OutOfMemory, "the host has no more memory");
    memset(start, 0xEE, bytes);
    live[start] = bytes;
    *data = start;
    return DriverStatus::Ok;
  }

  DriverStatus release(void *data) override {
    if (live.erase(data) == 0) return fail(DriverStatus::LaunchError, "memory is given back that was not taken");
    free(data);
    return lost ? gone() : DriverStatus::Ok;
  }

  DriverStatus upload(void *data, const void *from, uint64_t bytes) override {
    if (lost) return gone();
    if (!holds({data, bytes, 1})) return misplaced("upload");
    memcpy(data, from, bytes);
    return DriverStatus::Ok;
  }

  DriverStatus download(const void *data, void *to, uint64_t bytes) override {
    if (lost) return gone();
    if (!holds({data, bytes, 1})) return misplaced("download");
    memcpy(to, data, bytes);
    return DriverStatus::Ok;
  }

  DriverStatus run(const Launch &launch) override {
    if (lost) return gone();
    launches++;
    if (fails == "launch" && launches == when) return fail(DriverStatus::LaunchError, "the fake kernel cannot start");
    if (fails == "lost" && launches == when) {
      lost = true;
      return gone();
    }
    if (launch.blocks < 1 || launch.blocks > 0x7FFFFFFF) return fail(DriverStatus::LaunchError, "a grid of " + std::to_string(launch.blocks) + " blocks");
    for (const Region &region : launch.regions)
      if (!holds(region)) return misplaced("a kernel");
    start(launch);
    return DriverStatus::Ok;
  }

  const std::string &reason() override { return why; }

 private:
  std::string fails, why;
  std::map<const void *, uint64_t> live;
  int when = 0, allocations = 0, launches = 0;
  bool lost = false;

  void start(const Launch &launch) {
    switch (launch.kernel) {
      case KernelGemmFP8: return onFibers(gemm<WgmmaE4M3E4M3F32, true>, launch.arguments, launch.blocks, "wgmma.k32.f32.e4m3.e4m3");
      case KernelGemmBF16: return onFibers(gemm<WgmmaBF16, false>, launch.arguments, launch.blocks, "wgmma.k16.f32.bf16.bf16");
      case KernelQuantize: return onFibers(quantize, launch.arguments, launch.blocks, nullptr);
      case KernelNorm: return onFibers(rmsNorm, launch.arguments, launch.blocks, nullptr);
      default: return onFibers(gate, launch.arguments, launch.blocks, nullptr);
    }
  }

  // Whether a region lies within one allocation, at a multiple of its alignment.
  bool holds(const Region &region) {
    if (region.bytes == 0) return true;
    auto after = live.upper_bound(region.data);
    if (after == live.begin() || reinterpret_cast<uintptr_t>(region.data) % region.alignment != 0) return false;
    --after;
    return static_cast<const char *>(region.data) + region.bytes <= static_cast<const char *>(after->first) + after->second;
  }

  DriverStatus fail(DriverStatus status, const std::string &reason) {
    why = reason;
    return status;
  }

  DriverStatus gone() { return fail(DriverStatus::ContextLost, "the fake device fell off the bus"); }

  DriverStatus misplaced(const std::string &what) { return fail(DriverStatus::LaunchError, what + " touches memory that was not allocated, or is not aligned"); }
};

}  // namespace

Driver *makeDriver(std::string &reason) {
  const char *how = getenv("DSREF_CUDA_FAKE");
  if (how != nullptr && strcmp(how, "none") == 0) {
    reason = "no GPU: the fake driver was told so";
    return nullptr;
  }
  return new FakeDriver();
}
