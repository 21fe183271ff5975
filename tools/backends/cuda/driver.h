// What the host side needs of a GPU, so that it compiles and is tested without one: driver_cuda.cu has the CUDA runtime behind it, fake/ fibers of the host.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "kernels/arguments.h"

enum class DriverStatus { Ok, OutOfMemory, LaunchError, ContextLost };

// Memory that a kernel touches, for a driver that looks whether it is there.
struct Region {
  const void *data;
  uint64_t bytes, alignment;
};

struct Launch {
  KernelId kernel;
  int64_t blocks;
  const void *arguments;  // the structure of the kernel
  size_t argumentBytes;
  std::vector<Region> regions;
};

class Driver {
 public:
  virtual ~Driver() = default;
  virtual std::string device() = 0;
  virtual DriverStatus allocate(uint64_t bytes, void **data) = 0;
  virtual DriverStatus release(void *data) = 0;
  virtual DriverStatus upload(void *data, const void *from, uint64_t bytes) = 0;
  virtual DriverStatus download(const void *data, void *to, uint64_t bytes) = 0;
  // Starts a kernel and waits for its end.
  virtual DriverStatus run(const Launch &launch) = 0;
  // In one line, why the last call was not Ok.
  virtual const std::string &reason() = 0;
};

// Which one is decided by what is linked. On failure null, with the reason.
Driver *makeDriver(std::string &reason);
