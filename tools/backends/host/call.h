/* A dsref_call made from a request's JSON, which it owns. */
#ifndef DSREF_HOST_CALL_H
#define DSREF_HOST_CALL_H

#include "../../../src/DeepSeek.Reference/Backends/Native/deepseek_backend.h"
#include "json.h"

typedef struct host_call {
  dsref_call call;
  int64_t* dimensions; /* shapes and strides of all arguments */
  uint64_t* bytes;     /* what each argument's memory takes, padding included */
} host_call;

/* request must outlive the call. 0 where it does not describe one, with the reason in *why. */
int host_call_make(const json_value* request, host_call* made, const char** why);
void host_call_free(host_call* made);

#endif
