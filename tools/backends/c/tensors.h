/* Tensors of a call as this plug-in sees them: by name, widened to float, stored with one rounding. */
#ifndef SAMPLE_TENSORS_H
#define SAMPLE_TENSORS_H

#include <math.h>
#include <string.h>

#include "deepseek_backend.h"

static inline const DLTensor* find(const dsref_call* call, const char* name) {
  for (int32_t i = 0; i < call->argument_count; i++)
    if (strcmp(call->arguments[i].name, name) == 0) return &call->arguments[i].tensor;
  return NULL;
}

static inline const dsref_attribute* attribute(const dsref_call* call, const char* name) {
  for (int32_t i = 0; i < call->attribute_count; i++)
    if (strcmp(call->attributes[i].name, name) == 0) return &call->attributes[i];
  return NULL;
}

static inline int is(const dsref_call* call, const char* name, const char* text) {
  const dsref_attribute* a = attribute(call, name);
  return a != NULL && a->text != NULL && strcmp(a->text, text) == 0;
}

static inline double real(const dsref_call* call, const char* name) {
  const dsref_attribute* a = attribute(call, name);
  return a == NULL ? 0 : a->kind == DSREF_REAL ? a->real : (double)a->whole;
}

static inline int64_t count(const DLTensor* t) {
  int64_t n = 1;
  for (int32_t i = 0; i < t->ndim; i++) n *= t->shape[i];
  return n;
}

static inline void* at(const DLTensor* t) { return (char*)t->data + t->byte_offset; }

/* Where element i of the tensor, counted row by row, stands in memory: strides are anything. */
static inline int64_t place(const DLTensor* t, int64_t i) {
  int64_t stands = 0;
  for (int32_t d = t->ndim - 1; d > 0; d--) {
    stands += i % t->shape[d] * t->strides[d];
    i /= t->shape[d];
  }
  return t->ndim == 0 ? i : stands + i * t->strides[0];
}

static inline float e4m3(uint8_t code) {
  int e = code >> 3 & 15, m = code & 7;
  float value = (code & 0x7F) == 0x7F ? NAN : e == 0 ? ldexpf((float)m, -9) : ldexpf((float)(8 + m), e - 10);
  return code & 0x80 ? -value : value;
}

static inline float load(const DLTensor* t, int64_t i) {
  float value;
  i = place(t, i);
  if (t->dtype.code == DSREF_DTYPE_FLOAT8_E4M3FN) return e4m3(((const uint8_t*)at(t))[i]);
  if (t->dtype.code == DSREF_DTYPE_BFLOAT) {
    uint32_t u = (uint32_t)((const uint16_t*)at(t))[i] << 16;
    memcpy(&value, &u, sizeof value);
    return value;
  }
  return ((const float*)at(t))[i];
}

/* To nearest, ties to even; a NaN stays a quiet one. */
static inline void store(const DLTensor* t, int64_t i, float value) {
  i = place(t, i);
  if (t->dtype.code != DSREF_DTYPE_BFLOAT) {
    ((float*)at(t))[i] = value;
    return;
  }
  uint32_t u;
  memcpy(&u, &value, sizeof u);
  ((uint16_t*)at(t))[i] = (uint16_t)(value != value ? u >> 16 | 0x40 : (u + 0x7FFF + (u >> 16 & 1)) >> 16);
}

/* The canonical sum (rule N6): sixteen lanes, folded by halves. */
typedef struct { float lane[16]; } lanes;

static inline float fold(lanes s) {
  for (int h = 8; h > 0; h /= 2)
    for (int j = 0; j < h; j++) s.lane[j] += s.lane[j + h];
  return s.lane[0] + 0.0f;
}

#endif
