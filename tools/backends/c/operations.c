/* A dozen operations in plain C, each a few loops: what a plug-in's kernels look like. Compile with -ffp-contract=off: fma stands where it is written. */
#include "operations.h"

#include "tensors.h"

static dsref_status add(const dsref_call* c) {
  const DLTensor *a = find(c, "a"), *b = find(c, "b"), *y = find(c, "y");
  for (int64_t i = 0; i < count(y); i++) store(y, i, load(a, i) + load(b, i));
  return DSREF_OK;
}

static dsref_status cast(const dsref_call* c) {
  const DLTensor *x = find(c, "x"), *y = find(c, "y");
  for (int64_t i = 0; i < count(y); i++) store(y, i, load(x, i));
  return DSREF_OK;
}

static dsref_status embedding(const dsref_call* c) {
  const DLTensor *w = find(c, "weight"), *ids = find(c, "ids"), *y = find(c, "y");
  int64_t d = y->shape[1];
  for (int64_t t = 0; t < y->shape[0]; t++) {
    int64_t id = ids->dtype.bits == 64 ? ((const int64_t*)at(ids))[place(ids, t)] : ((const int32_t*)at(ids))[place(ids, t)];
    for (int64_t j = 0; j < d; j++) store(y, t * d + j, load(w, id * d + j));
  }
  return DSREF_OK;
}

static dsref_status expand_keys(const dsref_call* c) {
  const DLTensor *kv = find(c, "kv"), *pe = find(c, "k_pe"), *keys = find(c, "keys"), *values = find(c, "values");
  int64_t T = kv->shape[0], H = kv->shape[1], dv = values->shape[2], dn = kv->shape[2] - dv, dr = pe->shape[1];
  for (int64_t r = 0; r < T * H; r++) {
    for (int64_t j = 0; j < dn; j++) store(keys, r * (dn + dr) + j, load(kv, r * (dn + dv) + j));
    for (int64_t j = 0; j < dr; j++) store(keys, r * (dn + dr) + dn + j, load(pe, r / H * dr + j));
    for (int64_t j = 0; j < dv; j++) store(values, r * dv + j, load(kv, r * (dn + dv) + dn + j));
  }
  return DSREF_OK;
}

static dsref_status mtp_input(const dsref_call* c) {
  const DLTensor *e = find(c, "embedding"), *h = find(c, "hidden"), *y = find(c, "y");
  int64_t d = e->shape[1];
  const DLTensor *first = is(c, "order", "hiddenfirst") ? h : e, *second = first == e ? h : e;
  for (int64_t t = 0; t < e->shape[0]; t++)
    for (int64_t j = 0; j < d; j++) {
      store(y, t * 2 * d + j, load(first, t * d + j));
      store(y, t * 2 * d + d + j, load(second, t * d + j));
    }
  return DSREF_OK;
}

static dsref_status linear(const dsref_call* c) {
  const DLTensor *x = find(c, "x"), *w = find(c, "weight"), *y = find(c, "y");
  int64_t T = y->shape[0], N = y->shape[1], K = x->shape[1];
  int chain = is(c, "accumulation", "sequential");
  for (int64_t t = 0; t < T; t++)
    for (int64_t n = 0; n < N; n++) {
      lanes s = {{0}};
      for (int64_t k = 0; k < K; k++) {
        float* lane = &s.lane[chain ? 0 : k % 16];
        *lane = fmaf(load(x, t * K + k), load(w, n * K + k), *lane);
      }
      store(y, t * N + n, chain ? s.lane[0] + 0.0f : fold(s));
    }
  return DSREF_OK;
}

static dsref_status rms_norm(const dsref_call* c) {
  const DLTensor *x = find(c, "x"), *w = find(c, "weight"), *y = find(c, "y");
  int64_t T = x->shape[0], n = x->shape[1];
  float epsilon = (float)real(c, "epsilon");
  for (int64_t t = 0; t < T; t++) {
    lanes s = {{0}};
    for (int64_t k = 0; k < n; k++) s.lane[k % 16] = fmaf(load(x, t * n + k), load(x, t * n + k), s.lane[k % 16]);
    float v = fold(s) / (float)n, r = (float)(1 / sqrt((double)(v + epsilon)));
    for (int64_t k = 0; k < n; k++) store(y, t * n + k, load(x, t * n + k) * r * load(w, k));
  }
  return DSREF_OK;
}

static dsref_status swiglu(const dsref_call* c) {
  const DLTensor *g = find(c, "gate"), *u = find(c, "up"), *y = find(c, "y");
  for (int64_t i = 0; i < count(y); i++) {
    double a = load(g, i);
    /* e^x (x - ...) is what is left of x / (1 + e^-x) where the latter overflows. */
    float silu = a == -INFINITY ? -0.0f : a < -500 ? (float)(a * exp(a)) : (float)(a / (1 + exp(-a)));
    store(y, i, silu * load(u, i));
  }
  return DSREF_OK;
}

static dsref_status softmax_of(const dsref_call* c, int logarithm) {
  const DLTensor *x = find(c, "x"), *y = find(c, "y");
  int64_t T = x->shape[0], n = x->shape[1];
  for (int64_t t = 0; t < T; t++) {
    float m = -INFINITY;
    int nan = 0;
    for (int64_t k = 0; k < n; k++) {
      float v = load(x, t * n + k);
      nan |= v != v;
      m = v > m ? v : m;
    }
    lanes s = {{0}};
    for (int64_t k = 0; k < n; k++) s.lane[k % 16] += (float)exp((double)(load(x, t * n + k) - m));
    float sum = fold(s);
    for (int64_t k = 0; k < n; k++) {
      float d = load(x, t * n + k) - m;
      float value = logarithm ? d - (float)log((double)sum) : (float)exp((double)d) / sum;
      store(y, t * n + k, nan || m == INFINITY ? NAN : m == -INFINITY ? (logarithm ? NAN : 0) : value);
    }
  }
  return DSREF_OK;
}

static dsref_status softmax(const dsref_call* c) { return softmax_of(c, 0); }

static dsref_status log_softmax(const dsref_call* c) { return softmax_of(c, 1); }

/* Sums of 128 products are exact in double: E4M3 products are whole multiples of 2^-18 below 2^18. */
static dsref_status scaled_linear(const dsref_call* c) {
  const DLTensor *x = find(c, "x"), *xs = find(c, "x_scale"), *w = find(c, "weight"), *ws = find(c, "weight_scale"), *add = find(c, "c"), *y = find(c, "y");
  int64_t T = y->shape[0], N = y->shape[1], K = x->shape[1], B = xs->shape[1];
  int rows = ws->shape[0] == N && N > 1;
  for (int64_t t = 0; t < T; t++)
    for (int64_t n = 0; n < N; n++) {
      float acc = 0;
      for (int64_t b = 0; b < B; b++) {
        double d = 0;
        for (int64_t k = 128 * b; k < K && k < 128 * (b + 1); k++) d += (double)load(x, t * K + k) * load(w, n * K + k);
        float scaled = (float)d * load(xs, t * B + b);
        acc = acc + scaled * load(ws, (rows ? n : n / 128) * B + b);
      }
      store(y, t * N + n, add == NULL ? acc : load(add, t * N + n) + acc);
    }
  return DSREF_OK;
}

static dsref_status dequantize(const dsref_call* c) {
  const DLTensor *codes = find(c, "codes"), *s = find(c, "scales"), *y = find(c, "y");
  int64_t T = y->shape[0], K = y->shape[1], B = (K + 127) / 128;
  for (int64_t t = 0; t < T; t++)
    for (int64_t k = 0; k < K; k++) {
      int64_t scale = is(c, "tile", "row1x128") ? t * B + k / 128 : is(c, "tile", "block128x128") ? t / 128 * B + k / 128 : is(c, "tile", "column128x1") ? t / 128 * K + k : is(c, "tile", "perchannel") ? t : 0;
      store(y, t * K + k, load(codes, t * K + k) * load(s, scale));
    }
  return DSREF_OK;
}

static const char* plain(const dsref_call* c) {
  (void)c;
  return NULL;
}

static const char* lanes_or_chain(const dsref_call* c) {
  return is(c, "accumulation", "lanes16") || is(c, "accumulation", "sequential") ? NULL : "this accumulation is not written here";
}

static const char* unrounded(const dsref_call* c) { return is(c, "rounding", "none") ? NULL : "roundings within are not written here"; }

static const char* reexpression(const dsref_call* c) { return is(c, "product.name", "torch-reexpression") ? NULL : "only torch-reexpression is written here"; }

static const char* bytes(const dsref_call* c) {
  return find(c, "codes")->dtype.code == DSREF_DTYPE_FLOAT8_E4M3FN ? NULL : "codes of E5M6 are not written here";
}

static const operation known[] = {
  {"add", add, plain}, {"cast", cast, plain}, {"dequantize", dequantize, bytes}, {"embedding", embedding, plain}, {"expand_keys", expand_keys, plain},
  {"linear", linear, lanes_or_chain}, {"log_softmax", log_softmax, plain}, {"mtp_input", mtp_input, plain}, {"rms_norm", rms_norm, unrounded},
  {"scaled_linear", scaled_linear, reexpression}, {"softmax", softmax, plain}, {"swiglu", swiglu, unrounded},
};

const operation* operation_of(const char* name) {
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(known[i].name, name) == 0) return &known[i];
  return NULL;
}
