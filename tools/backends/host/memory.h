/* Tensors in the plug-in's memory by handle, and what the calls that make, fill and read them do. */
#ifndef DSREF_HOST_MEMORY_H
#define DSREF_HOST_MEMORY_H

#include "call.h"

enum { MOST = 4096 };

typedef struct { void* data; uint64_t bytes; int open; } host_memory;

/* Of host.c: the plug-in, the folder of tensors' files, and how a call fails, by the host's words or the plug-in's own. */
extern dsref_backend backend;
extern char* folder;
dsref_status fail(dsref_status status, const char* why);
dsref_status theirs(dsref_status status);

/* NULL where there is none. */
host_memory* memory(int64_t handle);
dsref_status load(const json_value* request, host_memory* into);
dsref_status on_put(const json_value* request, int64_t* handle);
dsref_status on_generate(const json_value* request, int64_t* handle, char* digest);
dsref_status on_digest(const json_value* request, char* digest);
dsref_status on_workspace(const json_value* request, int64_t* handle);
dsref_status on_read(const json_value* request);

#endif
