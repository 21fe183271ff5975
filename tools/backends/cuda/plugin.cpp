// A plug-in (deepseek_backend.h) whose kernels run on a Hopper GPU. On a machine with CUDA 12.0 or later:
//
//     nvcc -std=c++17 -O2 -fmad=false -gencode=arch=compute_90a,code=sm_90a -shared -Xcompiler -fPIC -I src/DeepSeek.Reference/Backends/Native -o libdsref_cuda.so tools/backends/cuda/{plugin.cpp,operations.cpp,driver_cuda.cu}
//     dsref verify --backend "./dsref-host ./libdsref_cuda.so" scaled_linear linear quantize rms_norm gate
//
// -fmad=false: sums and products are fused where fmaf is written, and nowhere else. docs/how-to/cuda-backend.md.
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <unordered_map>

#include "operations.h"

namespace {

struct Context {
  std::unique_ptr<Driver> driver;
  std::string device, why;
  std::unordered_map<void *, void *> starts;  // of what was handed out: its allocation

  dsref_status fail(dsref_status status, const std::string &reason) {
    why = reason;
    return status;
  }

  dsref_status accept(DriverStatus status) {
    switch (status) {
      case DriverStatus::Ok: return DSREF_OK;
      case DriverStatus::OutOfMemory: return fail(DSREF_OOM, driver->reason());
      case DriverStatus::LaunchError: return fail(DSREF_LAUNCH_ERROR, driver->reason());
      default: return fail(DSREF_CONTEXT_LOST, driver->reason());
    }
  }
};

Context shared;

// Nothing is thrown across the border.
template <typename Body>
dsref_status guarded(void *context, Body body) noexcept {
  Context &own = *static_cast<Context *>(context);
  try {
    own.why.clear();
    return body(own);
  } catch (const std::bad_alloc &) {
    return DSREF_OOM;
  } catch (const std::exception &e) {
    own.why = e.what();
    return DSREF_LAUNCH_ERROR;
  }
}

dsref_status supports(void *context, const dsref_call *call) {
  return guarded(context, [&](Context &own) {
    for (int32_t i = 0; i < call->argument_count; i++)
      if (strcmp(call->arguments[i].layout, "contiguous") != 0) return own.fail(DSREF_UNSUPPORTED, "this plug-in takes contiguous tensors");
    const Operation *operation = operationOf(call->op);
    if (operation == nullptr) return own.fail(DSREF_UNSUPPORTED, "this plug-in has no such operation");
    const char *reason = operation->refuses(call);
    return reason == nullptr ? DSREF_OK : own.fail(DSREF_UNSUPPORTED, reason);
  });
}

dsref_status prepare(void *context, const dsref_call *call, void **plan) {
  return guarded(context, [&](Context &own) {
    *plan = const_cast<Operation *>(operationOf(call->op));
    return *plan == nullptr ? own.fail(DSREF_UNSUPPORTED, "this plug-in has no such operation") : DSREF_OK;
  });
}

dsref_status workspaceSize(void *, void *, uint64_t *bytes) {
  *bytes = 0;
  return DSREF_OK;
}

dsref_status allocate(void *context, uint64_t bytes, uint64_t shift, void **data) {
  return guarded(context, [&](Context &own) {
    void *start = nullptr;
    dsref_status status = own.accept(own.driver->allocate(bytes + shift + 1, &start));
    if (status != DSREF_OK) return status;
    *data = static_cast<char *>(start) + shift;
    own.starts[*data] = start;
    return DSREF_OK;
  });
}

dsref_status release(void *context, void *data) {
  return guarded(context, [&](Context &own) {
    auto found = own.starts.find(data);
    if (found == own.starts.end()) return own.fail(DSREF_INVALID, "no memory of this plug-in begins there");
    void *start = found->second;
    own.starts.erase(found);
    return own.accept(own.driver->release(start));
  });
}

dsref_status upload(void *context, void *data, const void *from, uint64_t bytes) {
  return guarded(context, [&](Context &own) { return bytes == 0 ? DSREF_OK : own.accept(own.driver->upload(data, from, bytes)); });
}

dsref_status download(void *context, const void *data, void *to, uint64_t bytes) {
  return guarded(context, [&](Context &own) { return bytes == 0 ? DSREF_OK : own.accept(own.driver->download(data, to, bytes)); });
}

dsref_status run(void *context, void *plan, const dsref_call *call, void *, const char *) {
  return guarded(context, [&](Context &own) {
    alignas(16) unsigned char arguments[MostArgumentBytes];
    Launch launch = static_cast<const Operation *>(plan)->launch(call, arguments);
    // What is empty needs no kernel: a grid of no blocks is an error.
    return launch.blocks == 0 ? DSREF_OK : own.accept(own.driver->run(launch));
  });
}

dsref_status releasePlan(void *, void *) { return DSREF_OK; }

const char *lastError(void *context) { return static_cast<Context *>(context)->why.c_str(); }

void close(void *context) {
  Context &own = *static_cast<Context *>(context);
  own.driver.reset();
  own.starts.clear();
}

}  // namespace

extern "C" dsref_status dsref_backend_get(uint32_t abi_version, dsref_backend *backend) {
  if (backend == nullptr || backend->struct_size < sizeof *backend) return DSREF_UNSUPPORTED;
  backend->abi_version = DSREF_ABI_VERSION;
  if (abi_version != DSREF_ABI_VERSION) return DSREF_UNSUPPORTED;
  backend->context = &shared;
  backend->last_error = lastError;
  dsref_status status = guarded(&shared, [](Context &own) {
    std::string reason;
    own.driver.reset(makeDriver(reason));
    if (own.driver == nullptr) return own.fail(DSREF_CONTEXT_LOST, reason);
    own.device = own.driver->device();
    return DSREF_OK;
  });
  if (status != DSREF_OK) return status;
  *backend = dsref_backend{sizeof *backend, DSREF_ABI_VERSION, &shared, "cuda", shared.device.c_str(), "eager,repeat,perturb", supports, prepare, workspaceSize,
                           allocate, upload, download, release, run, releasePlan, lastError, close};
  return DSREF_OK;
}
