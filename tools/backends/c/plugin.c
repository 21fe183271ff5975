/* A portable plug-in: the table of deepseek_backend.h around the loops of operations.c. Compiles with
 *
 *     cc -O2 -shared -fPIC -ffp-contract=off -I src/DeepSeek.Reference/Backends/Native -o sample.so tools/backends/c/{plugin,operations}.c -lm
 */
#include <stdlib.h>
#include <string.h>

#include "operations.h"

static const char* why = "";

static dsref_status refuse(dsref_status status, const char* reason) {
  why = reason;
  return status;
}

/* Layouts whose strides say all: the tensor has its own shape and elements, wherever they stand. */
static int is_strided(const char* layout) {
  size_t name = strcspn(layout, "[+");
  static const char* known[] = {"contiguous", "strided", "k", "mn"};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strlen(known[i]) == name && strncmp(known[i], layout, name) == 0) return strchr(layout, '+') == NULL;
  return 0;
}

static dsref_status supports(void* context, const dsref_call* call) {
  (void)context;
  for (int32_t i = 0; i < call->argument_count; i++)
    if (!is_strided(call->arguments[i].layout)) return refuse(DSREF_UNSUPPORTED, "this plug-in takes tensors with strides, and no other layout");
  const operation* op = operation_of(call->op);
  if (op == NULL) return refuse(DSREF_UNSUPPORTED, "this plug-in has no such operation");
  const char* reason = op->refuses(call);
  return reason == NULL ? DSREF_OK : refuse(DSREF_UNSUPPORTED, reason);
}

static dsref_status prepare(void* context, const dsref_call* call, void** plan) {
  (void)context;
  *plan = (void*)operation_of(call->op);
  return *plan == NULL ? refuse(DSREF_UNSUPPORTED, "this plug-in has no such operation") : DSREF_OK;
}

static dsref_status workspace_size(void* context, void* plan, uint64_t* bytes) {
  (void)context;
  (void)plan;
  *bytes = 0;
  return DSREF_OK;
}

/* The allocation's own start stands before the bytes handed out, so that release finds it. */
static dsref_status allocate(void* context, uint64_t bytes, uint64_t shift, void** data) {
  (void)context;
  char* start = malloc(bytes + shift + sizeof(void*));
  if (start == NULL) return refuse(DSREF_OOM, "malloc has no more");
  char* given = start + sizeof(void*) + shift;
  memcpy(given - sizeof(void*), &start, sizeof start);
  *data = given;
  return DSREF_OK;
}

static dsref_status release(void* context, void* data) {
  (void)context;
  char* start;
  memcpy(&start, (char*)data - sizeof(void*), sizeof start);
  free(start);
  return DSREF_OK;
}

static dsref_status upload(void* context, void* data, const void* from, uint64_t bytes) {
  (void)context;
  memcpy(data, from, bytes);
  return DSREF_OK;
}

static dsref_status download(void* context, const void* data, void* to, uint64_t bytes) {
  (void)context;
  memcpy(to, data, bytes);
  return DSREF_OK;
}

static dsref_status run(void* context, void* plan, const dsref_call* call, void* workspace, const char* mode) {
  (void)context;
  (void)workspace;
  (void)mode;
  return ((const operation*)plan)->run(call);
}

static dsref_status release_plan(void* context, void* plan) {
  (void)context;
  (void)plan;
  return DSREF_OK;
}

static const char* last_error(void* context) {
  (void)context;
  return why;
}

dsref_status dsref_backend_get(uint32_t abi_version, dsref_backend* backend) {
  if (abi_version != DSREF_ABI_VERSION || backend->struct_size < sizeof *backend) return DSREF_UNSUPPORTED;
  *backend = (dsref_backend){
    .struct_size = sizeof *backend,
    .abi_version = DSREF_ABI_VERSION,
    .name = "sample",
    .device = "CPU",
    .modes = "eager,repeat,perturb",
    .supports = supports,
    .prepare = prepare,
    .workspace_size = workspace_size,
    .allocate = allocate,
    .upload = upload,
    .download = download,
    .release = release,
    .run = run,
    .release_plan = release_plan,
    .last_error = last_error,
  };
  return DSREF_OK;
}
