#include "generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Philox4x32-10 under the key of a seed and a tensor's name; a block of four words is kept. */
typedef struct { uint32_t key[2], block[4]; uint64_t at; } words;

static void start(words* w, uint64_t seed, const char* name) {
  uint32_t hash = 0x811C9DC5u;
  for (const unsigned char* c = (const unsigned char*)name; *c != 0; c++) hash = (hash ^ *c) * 0x01000193u;
  w->key[0] = (uint32_t)seed;
  w->key[1] = (uint32_t)(seed >> 32) ^ hash;
  w->at = UINT64_MAX;
}

static uint32_t word(words* w, uint64_t i) {
  if (i / 4 != w->at) {
    uint32_t c[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0}, k0 = w->key[0], k1 = w->key[1];
    for (int round = 0; round < 10; round++) {
      uint64_t p = (uint64_t)0xD2511F53u * c[0], q = (uint64_t)0xCD9E8D57u * c[2];
      uint32_t next[4] = {(uint32_t)(q >> 32) ^ c[1] ^ k0, (uint32_t)q, (uint32_t)(p >> 32) ^ c[3] ^ k1, (uint32_t)p};
      memcpy(c, next, sizeof c);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    memcpy(w->block, c, sizeof c);
    w->at = i / 4;
  }
  return w->block[i % 4];
}

static float of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Sums of four halves of words, exact in 18 bits. */
static float bell(uint32_t u, uint32_t v) { return (float)((int32_t)(u & 0xFFFF) + (int32_t)(u >> 16) + (int32_t)(v & 0xFFFF) + (int32_t)(v >> 16) - 131070) * 0x1p-16f; }

static float spread(uint32_t u) {
  float size = ldexpf(1 + (float)(u & 127) / 128, (int)(u >> 7 & 31) - 16);
  return u >> 31 ? -size : size;
}

static float uniform(words* w, uint64_t i) { return (float)((int32_t)(word(w, i) >> 8) - (1 << 23)) * 0x1p-23f; }
static float whole(words* w, uint64_t i) { return (float)((int32_t)((uint64_t)word(w, i) * 17 >> 32) - 8); }
static float bells(words* w, uint64_t i) {
  uint32_t u = word(w, 2 * i);
  return bell(u, word(w, 2 * i + 1));
}
static float logspread(words* w, uint64_t i) { return spread(word(w, i)); }
static float outlier(words* w, uint64_t i) {
  uint32_t u = word(w, 4 * i), v = word(w, 4 * i + 1);
  return bell(u, v) * (word(w, 4 * i + 2) % 512 == 0 ? 128 : 1);
}
static float boundary(words* w, uint64_t i) {
  static const uint32_t entries[16] = {0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x3B000000, 0x3C800000, 0x3F7FFFFF, 0x3F800000,
                                       0x3F800001, 0x3F808000, 0x3F818000, 0x43E00000, 0x43E80000, 0x4B800000, 0x7F7F7FFF, 0x7F7FFFFF};
  uint32_t u = word(w, i);
  return of_bits(entries[u >> 27 & 15] | (u & 0x80000000u));
}
static float tie(words* w, uint64_t i) { return (float)(word(w, i) >> 30) * 0.5f - 0.5f; }
static float special(words* w, uint64_t i) {
  static const uint32_t entries[4] = {0x7F800000, 0xFF800000, 0x7FC00000, 0x80000000};
  uint32_t u = word(w, i);
  return u % 16 == 0 ? of_bits(entries[u >> 4 & 3]) : spread(u);
}
static float scale(words* w, uint64_t i) { return of_bits(0x3C000000u | word(w, i) >> 9); }
static float power(words* w, uint64_t i) { return of_bits((word(w, i) % 16 + 115) << 23); }
static float reciprocal(words* w, uint64_t i) {
  (void)w;
  return 1.0f / (float)(1 + i);
}

static const struct { const char* name; float (*value)(words* w, uint64_t i); } maps[] = {
  {"uniform", uniform}, {"int", whole}, {"bell", bells}, {"logspread", logspread}, {"outlier", outlier}, {"boundary", boundary},
  {"tie", tie}, {"special", special}, {"scale", scale}, {"power", power}, {"reciprocal", reciprocal},
};

static uint16_t to_bf16(float value) {
  uint32_t u = bits_of(value);
  return (uint16_t)((u & 0x7FFFFFFFu) > 0x7F800000u ? u >> 16 | 0x40 : (u + 0x7FFF + (u >> 16 & 1)) >> 16);
}

/* To nearest, ties to even, saturating; NaN is 7F. */
static uint8_t to_e4m3(float value) {
  uint8_t sign = (uint8_t)(bits_of(value) >> 31 << 7);
  double size = fabs((double)value);
  if (size != size) return 0x7F;
  if (size >= 448) return sign | 0x7E;
  int exponent = size < 0x1p-6 ? -6 : ilogb(size);
  int steps = (int)nearbyint(ldexp(size, 3 - exponent));
  return (uint8_t)(sign | (exponent == -6 && steps < 8 ? steps : ((exponent + 7) << 3) + (steps - 8)));
}

static int is_map(const char* map, const char* name, uint64_t* parameter) {
  size_t n = strlen(name);
  if (strncmp(map, name, n) != 0 || map[n] != ':') return 0;
  *parameter = strtoull(map + n + 1, NULL, 10);
  return 1;
}

static int store_whole(const char* dtype, void* to, uint64_t i, int64_t value) {
  if (strcmp(dtype, "I32") == 0) ((int32_t*)to)[i] = (int32_t)value;
  else if (strcmp(dtype, "I64") == 0) ((int64_t*)to)[i] = value;
  else return 0;
  return 1;
}

/* Maps of whole numbers; 0 where the map or the dtype is none of them. */
static int wholes(words* w, const char* map, const char* dtype, uint64_t count, uint64_t row, void* to) {
  uint64_t n;
  int index = is_map(map, "index", &n), arange = !index && is_map(map, "arange", &n), experts = !index && !arange && is_map(map, "experts", &n);
  if (!index && !arange && !experts) return 0;
  for (uint64_t i = 0; i < count; i++) {
    uint64_t drawn = (uint64_t)word(w, experts ? i - i % row : i) * n >> 32;
    if (!store_whole(dtype, to, i, (int64_t)(arange ? n + i : experts ? (drawn + i % row) % n : drawn))) return 0;
  }
  return 1;
}

const char* generate(uint64_t seed, const char* tensor, const char* map, const char* dtype, uint64_t count, uint64_t row, void* to) {
  words w;
  start(&w, seed, tensor);
  float (*value)(words*, uint64_t) = NULL;
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
    if (strcmp(maps[i].name, map) == 0) value = maps[i].value;
  if (value == NULL) return wholes(&w, map, dtype, count, row, to) ? NULL : "a map that this host does not make";
  if (strcmp(dtype, "F32") == 0)
    for (uint64_t i = 0; i < count; i++) ((float*)to)[i] = value(&w, i);
  else if (strcmp(dtype, "BF16") == 0)
    for (uint64_t i = 0; i < count; i++) ((uint16_t*)to)[i] = to_bf16(value(&w, i));
  else if (strcmp(dtype, "F8_E4M3") == 0)
    for (uint64_t i = 0; i < count; i++) ((uint8_t*)to)[i] = to_e4m3(value(&w, i));
  else return "a dtype that this host does not make";
  return NULL;
}
