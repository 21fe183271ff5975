/* The C plug-in interface of DeepSeek.Reference, version 1: what a shared library exports to be judged by `dsref verify --backend libmine.so`.
 *
 * Plain C11 with no dependency. A library exports dsref_backend_get, which fills in a table of functions. The host calls them from one thread, in the
 * order of a case: supports, prepare, workspace_size, allocate and upload, run, download, release. Memory that run sees is the plug-in's own, so that it
 * may lie on a device. Structures begin with their size: a field that the other side's size does not reach is absent. docs/spec/worker.md has the
 * operations' tensors and attributes.
 */
#ifndef DEEPSEEK_BACKEND_H
#define DEEPSEEK_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DSREF_ABI_VERSION 1u

typedef enum dsref_status {
  DSREF_OK = 0,
  DSREF_UNSUPPORTED = 1,  /* not offered: the case is skipped, last_error says why */
  DSREF_INVALID = 2,      /* the call makes no sense */
  DSREF_OOM = 3,          /* out of memory */
  DSREF_LAUNCH_ERROR = 4, /* the kernel failed */
  DSREF_CONTEXT_LOST = 5  /* the device is beyond use: the process is ended and started again */
} dsref_status;

typedef enum dsref_role { DSREF_IN = 0, DSREF_OUT = 1, DSREF_INOUT = 2, DSREF_WORKSPACE = 3, DSREF_CONST = 4 } dsref_role;

/* DLPack's tensor, declared again with the same layout (DLPack 1.1). strides is never NULL and counts elements; byte_offset is honoured. */
#ifndef DLPACK_VERSION
typedef struct { int32_t device_type; int32_t device_id; } DLDevice;
typedef struct { uint8_t code; uint8_t bits; uint16_t lanes; } DLDataType;
typedef struct {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
} DLTensor;
#endif

/* DLPack's codes of element types. */
enum {
  DSREF_DTYPE_INT = 0, DSREF_DTYPE_UINT = 1, DSREF_DTYPE_FLOAT = 2, DSREF_DTYPE_BFLOAT = 4,
  DSREF_DTYPE_FLOAT8_E4M3FN = 10, DSREF_DTYPE_FLOAT8_E5M2 = 12, DSREF_DTYPE_FLOAT8_E8M0FNU = 14
};

/* A tensor of a call. Until allocate has been called, tensor.data is NULL: supports and prepare see shapes alone. */
typedef struct dsref_argument {
  size_t struct_size;
  const char* name;   /* "x", "weight", "weight.0", ... */
  dsref_role role;
  DLTensor tensor;
  /* "contiguous", or another of docs/spec/layouts.md; tensor is then what memory holds. In supports a plug-in may put here the text of the layout that it
   * wants: the host gives the tensor in it from prepare on. Numbers beside a layout are attributes: "layout.x.index", "layout.x.shape" (the logical one). */
  const char* layout;
} dsref_argument;

typedef enum dsref_kind { DSREF_WHOLE = 0, DSREF_REAL = 1, DSREF_TEXT = 2, DSREF_FLAG = 3, DSREF_LIST = 4 } dsref_kind;

/* An attribute. Those of an object carry its name: "product.name", "product.promotion". */
typedef struct dsref_attribute {
  size_t struct_size;
  const char* name;
  dsref_kind kind;
  int64_t whole;       /* DSREF_WHOLE, DSREF_FLAG; the length of DSREF_LIST */
  double real;         /* DSREF_REAL: the exact value of a binary32 number */
  const char* text;    /* DSREF_TEXT */
  const int32_t* list; /* DSREF_LIST */
} dsref_attribute;

typedef struct dsref_call {
  size_t struct_size;
  const char* op; /* "linear", "scaled_linear", ... */
  int32_t argument_count;
  dsref_argument* arguments;
  int32_t attribute_count;
  const dsref_attribute* attributes;
} dsref_call;

typedef struct dsref_backend {
  size_t struct_size;
  uint32_t abi_version;
  void* context;
  const char* name;
  const char* device;
  const char* modes; /* comma-separated, "eager" among them */

  dsref_status (*supports)(void* context, const dsref_call* call);
  /* A plan lives until release_plan. call does not outlive the function. */
  dsref_status (*prepare)(void* context, const dsref_call* call, void** plan);
  dsref_status (*workspace_size)(void* context, void* plan, uint64_t* bytes);
  /* Memory for a tensor or for scratch; shift bytes past the natural start of an allocation. */
  dsref_status (*allocate)(void* context, uint64_t bytes, uint64_t shift, void** data);
  dsref_status (*upload)(void* context, void* data, const void* from, uint64_t bytes);
  dsref_status (*download)(void* context, const void* data, void* to, uint64_t bytes);
  dsref_status (*release)(void* context, void* data);
  /* Runs and waits until results can be downloaded. workspace may be NULL where its size is 0. */
  dsref_status (*run)(void* context, void* plan, const dsref_call* call, void* workspace, const char* mode);
  dsref_status (*release_plan)(void* context, void* plan);
  /* Why the last call did not return DSREF_OK, in one line. */
  const char* (*last_error)(void* context);
  void (*close)(void* context);
} dsref_backend;

/* Fills in *backend, whose struct_size the host has set. Returns DSREF_UNSUPPORTED for a version that the library does not speak. Where it cannot work at
 * all (no device), it sets abi_version, and last_error and context to say why, and returns DSREF_CONTEXT_LOST or another status. */
#if defined(_WIN32)
__declspec(dllexport)
#elif defined(__GNUC__)
__attribute__((visibility("default")))
#endif
dsref_status dsref_backend_get(uint32_t abi_version, dsref_backend* backend);

typedef dsref_status (*dsref_backend_get_function)(uint32_t abi_version, dsref_backend* backend);

#ifdef __cplusplus
}
#endif
#endif
