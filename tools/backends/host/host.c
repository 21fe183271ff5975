/* dsref-host: runs a plug-in (deepseek_backend.h) as a worker (docs/spec/worker.md), in a plain process of its own.
 *
 *     cc -O2 -std=gnu11 -ffp-contract=off -o dsref-host tools/backends/host/{host,memory,call,json,generate,sha256}.c -ldl -lm
 *     dsref verify --backend "./dsref-host ./libmine.so"
 *
 * There is no managed runtime here, so that a debugger, a sanitizer and SIGSEGV see the plug-in alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "call.h"
#include "memory.h"

typedef struct { json_value* request; char* text; host_call made; void* plan; int open; } host_plan;

dsref_backend backend;
char* folder;
static host_plan plans[MOST];
static char reason[1024];

static const char* const statuses[] = {"OK", "UNSUPPORTED", "INVALID", "OOM", "LAUNCH_ERROR", "CONTEXT_LOST"};

static int receive(int line, void* to, size_t count) {
  for (size_t got = 0; got < count;) {
    ssize_t n = read(line, (char*)to + got, count - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    got += (size_t)n;
  }
  return 1;
}

static int send_all(int line, const void* from, size_t count) {
  for (size_t sent = 0; sent < count;) {
    ssize_t n = write(line, (const char*)from + sent, count - sent);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return 0;
    sent += (size_t)n;
  }
  return 1;
}

/* A JSON string's inside: quotes, backslashes and control characters escaped. */
static void escape(char* to, size_t room, const char* from) {
  size_t used = 0;
  for (; *from != '\0' && used + 7 < room; from++) {
    unsigned char c = (unsigned char)*from;
    if (c == '"' || c == '\\') used += (size_t)snprintf(to + used, room - used, "\\%c", c);
    else if (c < 0x20) used += (size_t)snprintf(to + used, room - used, "\\u%04x", c);
    else to[used++] = (char)c;
  }
  to[used] = '\0';
}

dsref_status fail(dsref_status status, const char* why) {
  snprintf(reason, sizeof reason, "%s", why);
  return status;
}

/* The plug-in's own status, with its own words. */
dsref_status theirs(dsref_status status) {
  if (status == DSREF_OK) return status;
  const char* why = backend.last_error == NULL ? NULL : backend.last_error(backend.context);
  if ((int)status < 0 || status > DSREF_CONTEXT_LOST) {
    snprintf(reason, sizeof reason, "the plug-in returned status %d, which is none", (int)status);
    return DSREF_INVALID;
  }
  return fail(status, why == NULL || *why == '\0' ? "no reason given" : why);
}

/* A layout that the plug-in put in place of the one it was asked about is one that it wants. */
static dsref_status wanted(const json_value* request, const dsref_call* call, char* fields, size_t room) {
  size_t used = 0;
  int32_t i = 0;
  fields += snprintf(fields, room, ",\"generates\":true");
  room -= sizeof ",\"generates\":true";
  for (const json_value* t = json_member(request, "tensors")->first; t != NULL; t = t->next, i++) {
    char name[256], layout[1024];
    const dsref_argument* a = &call->arguments[i];
    const char* asked = json_text(t, "layout");
    if (a->layout == NULL || (asked != NULL && strcmp(a->layout, asked) == 0)) continue;
    escape(name, sizeof name, a->name);
    escape(layout, sizeof layout, a->layout);
    if (used + strlen(name) + strlen(layout) + 32 > room) return fail(DSREF_INVALID, "layouts of more tensors than the host's answer holds");
    used += (size_t)snprintf(fields + used, room - used, "%s\"%s\":\"%s\"", used == 0 ? ",\"layouts\":{" : ",", name, layout);
  }
  if (used > 0) snprintf(fields + used, room - used, "}");
  return DSREF_OK;
}

static dsref_status on_supports(const json_value* request, char* fields, size_t room) {
  host_call made;
  const char* why;
  dsref_status status = host_call_make(request, &made, &why) ? theirs(backend.supports(backend.context, &made.call)) : fail(DSREF_UNSUPPORTED, why);
  if (status == DSREF_OK) status = wanted(request, &made.call, fields, room);
  host_call_free(&made);
  return status;
}

/* The plan keeps the request: the call's strings point into it. */
static dsref_status on_prepare(json_value* request, char* text, int64_t* plan, int* kept) {
  const char* why;
  for (int i = 1; i < MOST; i++) {
    if (plans[i].open) continue;
    if (!host_call_make(request, &plans[i].made, &why)) {
      host_call_free(&plans[i].made);
      return fail(DSREF_UNSUPPORTED, why);
    }
    dsref_status status = theirs(backend.prepare(backend.context, &plans[i].made.call, &plans[i].plan));
    if (status != DSREF_OK) {
      host_call_free(&plans[i].made);
      return status;
    }
    plans[i].request = request;
    plans[i].text = text;
    plans[i].open = 1;
    *plan = i;
    *kept = 1;
    return DSREF_OK;
  }
  return fail(DSREF_OOM, "more plans than the host keeps");
}

static host_plan* plan_of(int64_t plan) {
  return plan > 0 && plan < MOST && plans[plan].open ? &plans[plan] : NULL;
}

static dsref_status on_run(const json_value* request) {
  host_plan* plan = plan_of(json_whole(request, "plan"));
  const json_value* args = json_member(request, "args");
  const char* mode = json_text(request, "mode");
  host_memory* workspace = memory(json_whole(request, "workspace"));
  if (plan == NULL || args == NULL || mode == NULL) return fail(DSREF_INVALID, "run without plan, args or mode");
  for (int32_t i = 0; i < plan->made.call.argument_count; i++) {
    dsref_argument* argument = &plan->made.call.arguments[i];
    host_memory* m = memory(json_whole(args, argument->name));
    if (m == NULL || m->bytes != plan->made.bytes[i]) return fail(DSREF_INVALID, "an argument is missing, or of another size than it was prepared for");
    argument->tensor.data = m->data;
  }
  return theirs(backend.run(backend.context, plan->plan, &plan->made.call, workspace == NULL ? NULL : workspace->data, mode));
}

static dsref_status on_free(const json_value* request) {
  const json_value* handles = json_member(request, "handles");
  const json_value* list = json_member(request, "plans");
  dsref_status status = DSREF_OK;
  for (const json_value* h = handles == NULL ? NULL : handles->first; h != NULL && status == DSREF_OK; h = h->next) {
    host_memory* m = memory(h->whole);
    if (m == NULL) continue;
    status = theirs(backend.release(backend.context, m->data));
    m->open = 0;
  }
  for (const json_value* h = list == NULL ? NULL : list->first; h != NULL && status == DSREF_OK; h = h->next) {
    host_plan* p = plan_of(h->whole);
    if (p == NULL) continue;
    status = theirs(backend.release_plan(backend.context, p->plan));
    host_call_free(&p->made);
    json_free(p->request);
    free(p->text);
    p->open = 0;
  }
  return status;
}

static dsref_status on_hello(const json_value* request, char* fields, size_t room) {
  char name[256], device[256];
  const char* where = json_text(request, "folder");
  if (json_whole(request, "protocol") != 1 || where == NULL) return fail(DSREF_UNSUPPORTED, "this host speaks version 1 of the protocol");
  free(folder);
  folder = strdup(where);
  escape(name, sizeof name, backend.name == NULL ? "plug-in" : backend.name);
  escape(device, sizeof device, backend.device == NULL ? "" : backend.device);
  size_t used = (size_t)snprintf(fields, room, ",\"protocol\":1,\"features\":[\"attention_contract\"],\"name\":\"%s\",\"device\":\"%s\",\"modes\":[", name, device);
  char* modes = strdup(backend.modes == NULL ? "eager" : backend.modes);
  if (modes == NULL) return fail(DSREF_OOM, "out of memory");
  int first = 1;
  for (char* mode = strtok(modes, ", "); mode != NULL && used + 64 < room; mode = strtok(NULL, ", ")) {
    char one[64];
    escape(one, sizeof one, mode);
    used += (size_t)snprintf(fields + used, room - used, "%s\"%s\"", first ? "" : ",", one);
    first = 0;
  }
  snprintf(fields + used, room - used, "]");
  free(modes);
  return DSREF_OK;
}

static dsref_status handle(json_value* request, char* text, char* fields, size_t room, int* kept) {
  const char* call = json_text(request, "call");
  int64_t made = 0;
  uint64_t bytes = 0;
  dsref_status status;
  if (call == NULL) return fail(DSREF_INVALID, "a request without a call");
  if (strcmp(call, "hello") == 0) return on_hello(request, fields, room);
  if (strcmp(call, "supports") == 0) return on_supports(request, fields, room);
  if (strcmp(call, "prepare") == 0) {
    status = on_prepare(request, text, &made, kept);
    if (status == DSREF_OK) snprintf(fields, room, ",\"plan\":%lld", (long long)made);
    return status;
  }
  if (strcmp(call, "workspace_size") == 0) {
    host_plan* plan = plan_of(json_whole(request, "plan"));
    status = plan == NULL ? fail(DSREF_INVALID, "no such plan") : theirs(backend.workspace_size(backend.context, plan->plan, &bytes));
    if (status == DSREF_OK) snprintf(fields, room, ",\"bytes\":%llu", (unsigned long long)bytes);
    return status;
  }
  if (strcmp(call, "put") == 0 || strcmp(call, "workspace") == 0) {
    status = call[0] == 'p' ? on_put(request, &made) : on_workspace(request, &made);
    if (status == DSREF_OK) snprintf(fields, room, ",\"handle\":%lld", (long long)made);
    return status;
  }
  if (strcmp(call, "generate") == 0 || strcmp(call, "digest") == 0) {
    char digest[65] = "";
    made = json_whole(request, "handle");
    status = call[0] == 'g' ? on_generate(request, &made, digest) : on_digest(request, digest);
    if (status == DSREF_OK) snprintf(fields, room, ",\"handle\":%lld,\"sha256\":\"%s\"", (long long)made, digest);
    return status;
  }
  if (strcmp(call, "write") == 0) return load(request, memory(json_whole(request, "handle")));
  if (strcmp(call, "read") == 0) return on_read(request);
  if (strcmp(call, "run") == 0) return on_run(request);
  if (strcmp(call, "free") == 0) return on_free(request);
  if (strcmp(call, "bye") == 0) return DSREF_OK;
  return fail(DSREF_UNSUPPORTED, "a call that this host does not know");
}

static void open_library(const char* library) {
  void* loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (loaded == NULL) {
    fprintf(stderr, "dsref-host: %s\n", dlerror());
    exit(2);
  }
  dsref_backend_get_function get;
  *(void**)&get = dlsym(loaded, "dsref_backend_get");
  if (get == NULL) {
    fprintf(stderr, "dsref-host: %s exports no dsref_backend_get; see deepseek_backend.h\n", library);
    exit(2);
  }
  backend.struct_size = sizeof backend;
  dsref_status status = get(DSREF_ABI_VERSION, &backend);
  if (status != DSREF_OK && backend.abi_version == DSREF_ABI_VERSION) {
    theirs(status);
    fprintf(stderr, "dsref-host: %s cannot be used: %s\n", library, reason);
    exit(2);
  }
  if (status != DSREF_OK || backend.abi_version != DSREF_ABI_VERSION) {
    fprintf(stderr, "dsref-host: %s speaks version %u of the interface, this host version %u; build it with this header\n", library, backend.abi_version, DSREF_ABI_VERSION);
    exit(2);
  }
  if (backend.struct_size < sizeof backend || backend.supports == NULL || backend.prepare == NULL || backend.workspace_size == NULL || backend.allocate == NULL ||
      backend.upload == NULL || backend.download == NULL || backend.release == NULL || backend.run == NULL || backend.release_plan == NULL) {
    fprintf(stderr, "dsref-host: %s leaves functions of the table out\n", library);
    exit(2);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: dsref-host LIBRARY SOCKET; for example: dsref verify --backend \"./dsref-host ./libmine.so\"\n");
    return 2;
  }
  open_library(argv[1]);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int line = socket(AF_UNIX, SOCK_STREAM, 0);
  if (strlen(argv[2]) >= sizeof address.sun_path || line < 0) {
    fprintf(stderr, "dsref-host: the socket's path is too long\n");
    return 2;
  }
  strcpy(address.sun_path, argv[2]);
  if (connect(line, (struct sockaddr*)&address, sizeof address) != 0) {
    fprintf(stderr, "dsref-host: %s: %s\n", argv[2], strerror(errno));
    return 2;
  }
  for (int done = 0; !done;) {
    uint32_t length;
    char fields[8192] = "", answer[12288], why[2048];
    if (!receive(line, &length, sizeof length) || length > 1u << 24) break;
    char* text = malloc((size_t)length + 1);
    if (text == NULL || !receive(line, text, length)) break;
    text[length] = '\0';
    json_value* request = json_parse(text, length);
    if (request == NULL) break;
    long long id = json_whole(request, "id");
    const char* call = json_text(request, "call");
    done = call != NULL && strcmp(call, "bye") == 0;
    int kept = 0;
    reason[0] = '\0';
    dsref_status status = handle(request, text, fields, sizeof fields, &kept);
    escape(why, sizeof why, reason);
    int n = snprintf(answer + 4, sizeof answer - 4, "{\"id\":%lld,\"status\":\"%s\",\"message\":\"%s\"%s}", id, statuses[status], why, fields);
    length = (uint32_t)n;
    memcpy(answer, &length, sizeof length);
    if (!kept) {
      json_free(request);
      free(text);
    }
    if (!send_all(line, answer, (size_t)n + 4)) break;
  }
  if (backend.close != NULL) backend.close(backend.context);
  return 0;
}
