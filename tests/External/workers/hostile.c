/* Plug-ins that misbehave in their third run, as HOW says when this is compiled; the rest is the sample plug-in's. For tests of the host and the tool. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deepseek_backend.h"

enum { CRASH = 1, HANG, OVERRUN, LIE, VERSION, HOLES, WANT, PAD, LEAK, TWICE, INPUT, NOTHING, FULL };

dsref_status sample_backend_get(uint32_t abi_version, dsref_backend* backend);

static dsref_status (*right)(void* context, void* plan, const dsref_call* call, void* workspace, const char* mode);
static dsref_status (*offers)(void* context, const dsref_call* call);
static dsref_status (*given)(void* context, uint64_t bytes, uint64_t shift, void** data);
static int runs;
static char* volatile kept; /* so that no compiler sees what is done with it */

/* No memory for the second tensor of a run, while the first is held. */
static dsref_status full(void* context, uint64_t bytes, uint64_t shift, void** data) {
  static int calls;
  return ++calls == 8 ? DSREF_OOM : given(context, bytes, shift, data);
}

/* Well-behaved: the output is to have gaps. */
static dsref_status wants(void* context, const dsref_call* call) {
  dsref_status status = offers(context, call);
  if (status == DSREF_OK) call->arguments[call->argument_count - 1].layout = "strided[strides=2,offset=1]";
  return status;
}

static dsref_status wrong(void* context, void* plan, const dsref_call* call, void* workspace, const char* mode) {
  if (HOW == LEAK) {
    kept = malloc(1 << 20);
    if (kept == NULL) return DSREF_OOM;
    memset((void*)kept, runs, 1 << 20);
  }
  if (++runs == 3) {
    if (HOW == TWICE) {
      kept = malloc(100);
      free((void*)kept);
      free((void*)kept);
    }
    if (HOW == INPUT) *(char*)call->arguments[0].tensor.data ^= 1;
    if (HOW == NOTHING) return DSREF_OK;
    if (HOW == PAD) *(char*)call->arguments[call->argument_count - 1].tensor.data = 0;
    if (HOW == CRASH) raise(SIGSEGV);
    if (HOW == HANG) sleep(600);
    if (HOW == LIE) return (dsref_status)77;
    /* Beyond the end of the last output: the allocator's own records. */
    if (HOW == OVERRUN) memset((char*)call->arguments[call->argument_count - 1].tensor.data - 4096, 0xEE, 8192);
  }
  return right(context, plan, call, workspace, mode);
}

dsref_status dsref_backend_get(uint32_t abi_version, dsref_backend* backend) {
  dsref_status status = sample_backend_get(abi_version, backend);
  right = backend->run;
  backend->run = wrong;
  if (HOW == WANT || HOW == PAD) {
    offers = backend->supports;
    backend->supports = wants;
  }
  given = backend->allocate;
  if (HOW == FULL) backend->allocate = full;
  if (HOW == VERSION) backend->abi_version = 99;
  if (HOW == HOLES) backend->download = NULL;
  return status;
}
