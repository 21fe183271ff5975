/* DeepSeek.Reference as a C library, version 1: every operation of DeepSeek-V3 to the bit, and the judge of kernels (docs/how-to/use-libdsref.md).
 *
 * Plain C11. Any function may be called from any thread at any time. None throws, aborts or keeps a pointer. A function that does not return DSREF_OK leaves
 * one line in dsref_last_error, for the thread that called it. libdsref.so exports dsref_backend_get too: it is a backend like any other (deepseek_backend.h).
 *
 * An operation is named as in docs/spec/goldens.md, with attributes where they are not the contract's: "linear", "gemm_fp8", "rms_norm[eps=1e-5]". Sizes and
 * dtypes follow from the arguments. contract is Canonical, DeepSeekInference, HopperFp8, HuggingFace or Ideal, for attention FlashMlaDense, FlashMlaSm90 or FlashMlaHopper too,
 * or NULL for the name's own (Canonical).
 * Arguments are the operation's tensors by name, role DSREF_IN or DSREF_OUT, in memory of the processor; strides count elements and may be anything for an
 * input; strides NULL means contiguous; layout may be NULL. Codes may come as whole numbers of their width: E4M3 as uint8, BF16 as uint16.
 */
#ifndef LIBDSREF_H
#define LIBDSREF_H

#include "deepseek_backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LIBDSREF_VERSION 1u

typedef enum dsref_verdict {
  DSREF_VERDICT_BITS = 0,    /* every bit is equal */
  DSREF_VERDICT_NOISE = 1,   /* inside the hard bound, and the error looks like the declared arithmetic's */
  DSREF_VERDICT_BOUND = 2,   /* only the hard bound holds */
  DSREF_VERDICT_SUSPECT = 3, /* nothing is proved */
  DSREF_VERDICT_FAIL = 4,    /* wrong */
  DSREF_VERDICT_SKIP = 5,
  DSREF_VERDICT_UNJUDGED = 6
} dsref_verdict;

/* How results are judged; NULL takes the defaults. Set struct_size to sizeof(dsref_judge_options). */
typedef struct dsref_judge_options {
  size_t struct_size;
  double budget_s; /* seconds that judging may take; what does not fit is sampled, and the report says so. 0: 5 seconds */
  int32_t full;    /* not 0: everything is emulated to the bit, whatever it costs */
  uint64_t seed;   /* of what is sampled; 0: the default */
} dsref_judge_options;

/* What dsref_check says; its strings live until dsref_report_free. Set struct_size to sizeof(dsref_report). */
typedef struct dsref_report {
  size_t struct_size;
  dsref_verdict verdict;
  const char* check;   /* the check that decided: "bits", "bound", ... */
  const char* line;    /* one line: verdict, output, what was found and where */
  const char* case_id; /* the case that was judged, with sizes and contract */
  const char* json;    /* the report of `dsref check --json` (docs/spec/json.md) */
} dsref_report;

/* How two tensors differ. Set struct_size to sizeof(dsref_comparison). */
typedef struct dsref_comparison {
  size_t struct_size;
  int64_t count;
  int64_t mismatches;     /* elements whose bits differ, any NaN counting as any NaN */
  int64_t first_mismatch; /* row-major index, or -1 */
  int64_t nan_mismatches; /* NaN in one alone */
  int64_t infinity_mismatches;
  double max_abs;         /* max |a - e| */
  double max_rel;         /* max |a - e| / |e|, e not 0 */
  double relative_l2;     /* ||a - e|| / ||e|| */
  double max_ulp;         /* in units of the last place of the coarser format */
  double calc_diff;       /* 1 - 2 sum a e / sum (a^2 + e^2) */
} dsref_comparison;

/* LIBDSREF_VERSION of the library. */
uint32_t dsref_version(void);

/* Why this thread's last call did not return DSREF_OK: one line, until the thread's next call. */
const char* dsref_last_error(void);

/* Computes an operation: reads the inputs, writes the outputs. threads: the most to use, 0 for all processors; their number changes no bit. */
dsref_status dsref_run(const char* op, const char* contract, const dsref_argument* arguments, int32_t count, int32_t threads);

/* Judges results: the DSREF_OUT arguments hold what a kernel made of the DSREF_IN arguments. Outputs that are not given are not judged. */
dsref_status dsref_check(const char* op, const char* contract, const dsref_argument* arguments, int32_t count, const dsref_judge_options* options,
                         dsref_report* report);
void dsref_report_free(dsref_report* report);

/* The same for files of tensors: .safetensors, .npz or .npy, as `dsref check` reads them. */
dsref_status dsref_check_files(const char* op, const char* contract, const char* inputs, const char* actual, const dsref_judge_options* options,
                               dsref_report* report);

/* Why results differ, in a sentence: what the kernel seems to compute instead, or how it seems to round. Takes up to `seconds` for the search. *text is given
 * back with dsref_text_free. */
dsref_status dsref_explain(const char* op, const char* contract, const dsref_argument* arguments, int32_t count, double seconds, char** text);
void dsref_text_free(char* text);

/* The exact result of elements of an output (row-major indices), and how far from it a legitimate result may lie: |y - exact[i]| <= bound[i]. exact is NaN or
 * an infinity where the result must be that; bound is +infinity where nothing is promised. DSREF_UNSUPPORTED: no bound is derived for this output. */
dsref_status dsref_bound(const char* op, const char* contract, const dsref_argument* arguments, int32_t count, const char* output, const int64_t* elements,
                         int64_t element_count, double* exact, double* bound);

/* Compares two tensors of one shape; formats may differ, and then compare by value. */
dsref_status dsref_compare(const DLTensor* expected, const DLTensor* actual, dsref_comparison* comparison);

/* Writes arguments to a .safetensors file, bit by bit, for `dsref check`. */
dsref_status dsref_save(const char* path, const dsref_argument* arguments, int32_t count);

#ifdef __cplusplus
}
#endif
#endif
