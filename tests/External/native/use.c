/* A C program that uses libdsref: from several threads, wrongly, and as a caller would. Prints the sizes of the structures; ends with 0 when all is as it must be. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "libdsref.h"

enum { ROWS = 5, COLUMNS = 96, THREADS = 4, TIMES = 50 };

static float x[ROWS * COLUMNS], weight[COLUMNS];

#define REQUIRE(condition) do { if (!(condition)) { fprintf(stderr, "line %d: %s; %s\n", __LINE__, #condition, dsref_last_error()); return 1; } } while (0)

static dsref_argument argument(const char* name, dsref_role role, void* data, int32_t rank, int64_t* shape) {
  dsref_argument a = {.struct_size = sizeof a, .name = name, .role = role};
  a.tensor = (DLTensor){.data = data, .device = {1, 0}, .ndim = rank, .dtype = {DSREF_DTYPE_FLOAT, 32, 1}, .shape = shape};
  return a;
}

static int64_t matrix[2] = {ROWS, COLUMNS}, vector[1] = {COLUMNS};

static dsref_status norm(float* y, int32_t threads) {
  dsref_argument arguments[3] = {argument("x", DSREF_IN, x, 2, matrix), argument("weight", DSREF_IN, weight, 1, vector), argument("y", DSREF_OUT, y, 2, matrix)};
  return dsref_run("rms_norm[eps=1e-5]", NULL, arguments, 3, threads);
}

static void* many(void* first) {
  float y[ROWS * COLUMNS];
  char message[64];
  for (int i = 0; i < TIMES; i++) {
    if (norm(y, i % 3) != DSREF_OK || memcmp(y, first, sizeof y) != 0) return "another result";
    /* Each thread has its own message. */
    snprintf(message, sizeof message, "op_%d_%p", i, (void*)y);
    if (dsref_run(message, NULL, NULL, 0, 1) == DSREF_OK || strstr(dsref_last_error(), message) == NULL) return "another thread's message";
  }
  return NULL;
}

int main(void) {
  float y[ROWS * COLUMNS];
  for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = sinf((float)i);
  for (int i = 0; i < COLUMNS; i++) weight[i] = cosf((float)i);
  REQUIRE(dsref_version() == LIBDSREF_VERSION);
  REQUIRE(norm(y, 0) == DSREF_OK);

  dsref_argument arguments[3] = {argument("x", DSREF_IN, x, 2, matrix), argument("weight", DSREF_IN, weight, 1, vector), argument("y", DSREF_OUT, y, 2, matrix)};
  dsref_report report = {.struct_size = sizeof report};
  REQUIRE(dsref_check("rms_norm[eps=1e-5]", "Canonical", arguments, 3, NULL, &report) == DSREF_OK);
  REQUIRE(report.verdict == DSREF_VERDICT_BITS && strcmp(report.check, "bits") == 0 && strstr(report.json, "\"command\": \"check\"") != NULL);
  dsref_report_free(&report);
  dsref_report_free(&report);
  REQUIRE(dsref_check("rms_norm[eps=1e-1]", NULL, arguments, 3, NULL, &report) == DSREF_OK && report.verdict == DSREF_VERDICT_FAIL);
  dsref_report_free(&report);

  int64_t places[2] = {0, ROWS * COLUMNS - 1};
  double exact[2], bound[2];
  REQUIRE(dsref_bound("rms_norm[eps=1e-5]", NULL, arguments, 3, "y", places, 2, exact, bound) == DSREF_OK);
  for (int i = 0; i < 2; i++) REQUIRE(fabs(y[places[i]] - exact[i]) <= bound[i] && bound[i] < 1e-4);
  places[1]++;
  REQUIRE(dsref_bound("rms_norm[eps=1e-5]", NULL, arguments, 3, "y", places, 2, exact, bound) == DSREF_INVALID);

  float other[ROWS * COLUMNS];
  memcpy(other, y, sizeof y);
  other[100] += 1;
  dsref_argument changed = argument("y", DSREF_IN, other, 2, matrix);
  dsref_comparison comparison = {.struct_size = sizeof comparison};
  REQUIRE(dsref_compare(&arguments[2].tensor, &changed.tensor, &comparison) == DSREF_OK);
  REQUIRE(comparison.mismatches == 1 && comparison.first_mismatch == 100 && comparison.count == ROWS * COLUMNS);

  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) REQUIRE(pthread_create(&threads[i], NULL, many, y) == 0);
  for (int i = 0; i < THREADS; i++) {
    void* wrong;
    REQUIRE(pthread_join(threads[i], &wrong) == 0);
    if (wrong != NULL) return fprintf(stderr, "a thread saw %s\n", (const char*)wrong), 1;
  }

  /* Wrong use: a status and a line, never the end of the process. */
  arguments[0].tensor.device.device_type = 2;
  REQUIRE(dsref_run("rms_norm", NULL, arguments, 3, 0) == DSREF_INVALID && strstr(dsref_last_error(), "device 2") != NULL);
  arguments[0].tensor.device.device_type = 1;
  arguments[0].tensor.dtype.lanes = 4;
  REQUIRE(dsref_run("rms_norm", NULL, arguments, 3, 0) == DSREF_INVALID && strstr(dsref_last_error(), "lanes") != NULL);
  arguments[0].tensor.dtype.lanes = 1;
  arguments[0].tensor.data = NULL;
  REQUIRE(dsref_run("rms_norm", NULL, arguments, 3, 0) == DSREF_INVALID && strstr(dsref_last_error(), "no data") != NULL);
  arguments[0].struct_size = 8;
  REQUIRE(dsref_run("rms_norm", NULL, arguments, 3, 0) == DSREF_INVALID && strstr(dsref_last_error(), "struct_size") != NULL);
  REQUIRE(dsref_run(NULL, NULL, NULL, 0, 0) == DSREF_INVALID);
  REQUIRE(dsref_run("linear", NULL, NULL, 3, 0) == DSREF_INVALID);
  REQUIRE(dsref_run("linear", NULL, NULL, 0, -1) == DSREF_UNSUPPORTED);
  REQUIRE(dsref_check("linear", NULL, NULL, 0, NULL, NULL) == DSREF_INVALID);
  REQUIRE(dsref_save(NULL, NULL, 0) == DSREF_INVALID);
  dsref_backend backend = {.struct_size = 8};
  REQUIRE(dsref_backend_get(DSREF_ABI_VERSION, &backend) == DSREF_UNSUPPORTED);
  backend.struct_size = sizeof backend;
  REQUIRE(dsref_backend_get(99, &backend) == DSREF_UNSUPPORTED && backend.abi_version == DSREF_ABI_VERSION);

  printf("sizes DLTensor %zu dsref_argument %zu dsref_attribute %zu dsref_call %zu dsref_backend %zu dsref_judge_options %zu dsref_report %zu dsref_comparison %zu\n", sizeof(DLTensor),
         sizeof(dsref_argument), sizeof(dsref_attribute), sizeof(dsref_call), sizeof(dsref_backend), sizeof(dsref_judge_options), sizeof(dsref_report), sizeof(dsref_comparison));
  return 0;
}
