#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "sha256.h"

static host_memory memories[MOST];

static int path(const json_value* request, char* to, size_t room) {
  const char* file = json_text(request, "file");
  if (file == NULL || strchr(file, '/') != NULL || folder == NULL) return 0;
  return snprintf(to, room, "%s/%s", folder, file) < (int)room;
}

host_memory* memory(int64_t handle) {
  return handle > 0 && handle < MOST && memories[handle].open ? &memories[handle] : NULL;
}

static dsref_status take(uint64_t bytes, uint64_t shift, int64_t* handle) {
  for (int i = 1; i < MOST; i++) {
    if (memories[i].open) continue;
    dsref_status status = theirs(backend.allocate(backend.context, bytes, shift, &memories[i].data));
    if (status != DSREF_OK) return status;
    memories[i].bytes = bytes;
    memories[i].open = 1;
    *handle = i;
    return DSREF_OK;
  }
  return fail(DSREF_OOM, "more tensors than the host keeps");
}

/* Memory of a call that failed: the tool never learns its handle. */
static void give_back(int64_t handle) {
  backend.release(backend.context, memories[handle].data);
  memories[handle].open = 0;
}

dsref_status load(const json_value* request, host_memory* into) {
  char name[4096];
  if (into == NULL || !path(request, name, sizeof name)) return fail(DSREF_INVALID, "no such handle or file");
  FILE* file = fopen(name, "rb");
  char* bytes = malloc(into->bytes + 1);
  dsref_status status = DSREF_OK;
  if (file == NULL || bytes == NULL || fread(bytes, 1, into->bytes, file) != into->bytes) status = fail(DSREF_INVALID, "a tensor's file is shorter than the tensor");
  else status = theirs(backend.upload(backend.context, into->data, bytes, into->bytes));
  if (file != NULL) fclose(file);
  free(bytes);
  return status;
}

/* Bytes of the tensor that a request describes; 0 where it describes none, with the reason in *why. */
static int bytes_of(const json_value* request, uint64_t* bytes, const char** why) {
  host_call one;
  const json_value* shape = json_member(request, "shape");
  json_value tensors = {.kind = JSON_ARRAY}, attributes = {.kind = JSON_OBJECT, .name = "attributes"}, op = {.kind = JSON_STRING, .text = "put", .name = "op"};
  json_value tensor = *request, role = {.kind = JSON_STRING, .text = "in", .name = "role"}, call = {.kind = JSON_OBJECT};
  *why = "a tensor without a shape";
  if (shape == NULL) return 0;
  /* A request describes one tensor in the words of a call's list. */
  role.next = tensor.first;
  tensor.first = &role;
  tensor.next = NULL;
  tensors.first = &tensor;
  tensors.count = 1;
  tensors.name = "tensors";
  op.next = &tensors;
  tensors.next = &attributes;
  call.first = &op;
  int made = host_call_make(&call, &one, why);
  if (made) *bytes = one.bytes[0];
  host_call_free(&one);
  return made;
}

dsref_status on_put(const json_value* request, int64_t* handle) {
  uint64_t bytes;
  const char* why;
  if (!bytes_of(request, &bytes, &why)) return fail(DSREF_UNSUPPORTED, why);
  dsref_status status = take(bytes, (uint64_t)json_whole(request, "shift"), handle);
  if (status != DSREF_OK) return status;
  status = load(request, memory(*handle));
  if (status != DSREF_OK) give_back(*handle);
  return status;
}

/* Makes a tensor from its seed, in new memory or in that of a handle. */
dsref_status on_generate(const json_value* request, int64_t* handle, char* digest) {
  uint64_t bytes, count = 1, row = 1;
  const char *why, *seed = json_text(request, "seed"), *tensor = json_text(request, "tensor"), *map = json_text(request, "map"), *dtype = json_text(request, "dtype");
  if (seed == NULL || tensor == NULL || map == NULL || dtype == NULL) return fail(DSREF_INVALID, "generate without seed, tensor, map or dtype");
  if (!bytes_of(request, &bytes, &why)) return fail(DSREF_UNSUPPORTED, why);
  for (const json_value* d = json_member(request, "shape")->first; d != NULL; d = d->next) count *= row = (uint64_t)d->whole;
  char* made = malloc(bytes + 8);
  if (made == NULL) return fail(DSREF_OOM, "out of memory");
  why = generate(strtoull(seed, NULL, 16), tensor, map, dtype, count, row, made);
  dsref_status status = why == NULL ? DSREF_OK : fail(DSREF_UNSUPPORTED, why);
  *handle = json_whole(request, "handle");
  int own = *handle == 0;
  if (status == DSREF_OK && own) status = take(bytes, (uint64_t)json_whole(request, "shift"), handle);
  host_memory* into = memory(*handle);
  if (status == DSREF_OK && (into == NULL || into->bytes != bytes)) status = fail(DSREF_INVALID, "no such handle, or one of another size");
  if (status == DSREF_OK) {
    sha256_hex(made, bytes, digest);
    status = theirs(backend.upload(backend.context, into->data, made, bytes));
    if (status != DSREF_OK && own) give_back(*handle);
  }
  free(made);
  return status;
}

dsref_status on_digest(const json_value* request, char* digest) {
  host_memory* from = memory(json_whole(request, "handle"));
  if (from == NULL) return fail(DSREF_INVALID, "no such handle");
  char* bytes = malloc(from->bytes + 1);
  if (bytes == NULL) return fail(DSREF_OOM, "out of memory");
  dsref_status status = theirs(backend.download(backend.context, from->data, bytes, from->bytes));
  if (status == DSREF_OK) sha256_hex(bytes, from->bytes, digest);
  free(bytes);
  return status;
}

dsref_status on_workspace(const json_value* request, int64_t* handle) {
  uint64_t bytes = (uint64_t)json_whole(request, "bytes");
  dsref_status status = take(bytes, 0, handle);
  if (status != DSREF_OK) return status;
  char* pattern = malloc(bytes + 1);
  if (pattern != NULL) {
    memset(pattern, 0xA5, bytes);
    status = theirs(backend.upload(backend.context, memories[*handle].data, pattern, bytes));
  } else status = fail(DSREF_OOM, "out of memory");
  free(pattern);
  if (status != DSREF_OK) give_back(*handle);
  return status;
}

dsref_status on_read(const json_value* request) {
  char name[4096];
  host_memory* from = memory(json_whole(request, "handle"));
  if (from == NULL || !path(request, name, sizeof name)) return fail(DSREF_INVALID, "no such handle or file");
  char* bytes = malloc(from->bytes + 1);
  if (bytes == NULL) return fail(DSREF_OOM, "out of memory");
  dsref_status status = theirs(backend.download(backend.context, from->data, bytes, from->bytes));
  FILE* file = status == DSREF_OK ? fopen(name, "wb") : NULL;
  if (status == DSREF_OK && (file == NULL || fwrite(bytes, 1, from->bytes, file) != from->bytes)) status = fail(DSREF_INVALID, "the result cannot be written");
  if (file != NULL && fclose(file) != 0) status = fail(DSREF_INVALID, "the result cannot be written");
  free(bytes);
  return status;
}
