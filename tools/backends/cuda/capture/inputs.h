// Operands from a seed, as docs/spec/capture.md defines them: the same bits here and in the reader.
#pragma once
#include "units.h"
#include <algorithm>
#include <vector>

// Philox4x32-10 under the key of a seed and a name: word i is word i mod 4 of block i div 4 (docs/spec/random.md).
class Words {
 public:
  Words(uint64_t seed, const std::string &name) {
    uint32_t hash = 0x811C9DC5u;
    for (unsigned char byte : name) hash = (hash ^ byte) * 0x01000193u;
    key0 = uint32_t(seed);
    key1 = uint32_t(seed >> 32) ^ hash;
  }

  uint32_t operator[](uint64_t i) {
    if (i / 4 != at) {
      at = i / 4;
      fill();
    }
    return block[i % 4];
  }

 private:
  uint32_t key0, key1, block[4];
  uint64_t at = ~0ull;

  void fill() {
    uint32_t c[4] = {uint32_t(at), uint32_t(at >> 32), 0, 0}, k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
      uint32_t n0 = uint32_t(p1 >> 32) ^ c[1] ^ k0, n2 = uint32_t(p0 >> 32) ^ c[3] ^ k1;
      c[0] = n0;
      c[1] = uint32_t(p1);
      c[2] = n2;
      c[3] = uint32_t(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++) block[i] = c[i];
  }
};

enum ElementMap { Codes, Finite, Near, Halving, Window, Cancel, Gap, Powers, Tiny, Huge, Zeros, Sparse, Special, Integers, ElementMaps };
enum AddendMap { None, Zero, AnyCode, AnyFinite, NearOne, Large, Small, Subnormal, WholeNumbers, AddendMaps };

static inline int elementMapOf(uint64_t tile) { return int(tile % ElementMaps); }
static inline int addendMapOf(uint64_t tile) { return int(tile / ElementMaps % AddendMaps); }

static inline uint32_t finite(const Format &f, uint32_t code) { return f.special(code) ? code ^ 1u << f.mantissa : code; }

static inline uint32_t atLeastZero(int e) { return e < 0 ? 0u : uint32_t(e); }

// The code of a whole number of at most 2^(M+1) in magnitude.
static inline uint32_t wholeNumber(const Format &f, int n) {
  if (n == 0) return 0;
  int magnitude = n < 0 ? -n : n, e = 0;
  while (magnitude >> (e + 1)) e++;
  return f.make(n < 0, uint32_t(f.bias + e), uint32_t(magnitude) << (f.mantissa - e) & f.mantissaMask());
}

// What the elements of one row know beside their word.
struct Place {
  bool isA;
  uint32_t plan;   // the tile's word
  uint32_t first;  // the word of this row's element 0 in this step
  int k;           // 0 to K - 1 within the instruction
  int K;
};

static inline uint32_t halving(const Format &f, uint32_t u) {
  uint32_t r = u >> 23 & 0xFF;
  int zeros = 0;
  while (zeros < 7 && !(r >> zeros & 1)) zeros++;
  return f.make(u >> 31, atLeastZero(f.bias - zeros), u);
}

static inline uint32_t near(const Format &f, uint32_t u) { return f.make(u >> 31, f.bias - 2 + (u >> 23 & 3), u); }

static inline uint32_t window(const Format &f, uint32_t u, uint32_t mantissa) {
  uint32_t low = atLeastZero(f.bias - 16), high = std::min(f.top(), uint32_t(f.bias) + 15);
  return finite(f, f.make(u >> 31, low + ((u >> 23 & 0xFF) * (high - low + 1) >> 8), mantissa));
}

static inline uint32_t gap(const Format &f, uint32_t u, const Place &p) {
  int high = int(std::min(f.top() - 1, uint32_t(f.bias) + 7));
  if (p.k == int(p.plan % uint32_t(p.K))) return f.make(u >> 31, uint32_t(high), u);
  int g = 8 + int((p.plan >> 8) % 24), part = p.isA ? g / 2 : g - g / 2;
  return f.make(u >> 31, atLeastZero(high - part - int(u >> 23 & 1)), u);
}

static inline uint32_t special(const Format &f, uint32_t u) {
  uint32_t r = u >> 23 & 0xFF, sign = u >> 31;
  if (r == 0 && f.hasInfinity()) return f.make(sign, f.exponentMask(), 0);
  if (r <= 1) return f.make(sign, f.exponentMask(), f.hasInfinity() ? u | 1 : f.mantissaMask());
  if (r <= 3) return f.make(sign, 0, 0);
  return halving(f, u);
}

// One element of A or B. `other` is the word of element k - K/2, which Cancel repeats.
static inline uint32_t element(const Format &f, int map, uint32_t u, uint32_t other, const Place &p) {
  uint32_t sign = u >> 31, r = u >> 23 & 0xFF;
  switch (map) {
    case Codes: return f.make(sign, r & f.exponentMask(), u);
    case Finite: return finite(f, f.make(sign, r & f.exponentMask(), u));
    case Near: return near(f, u);
    case Halving: return halving(f, u);
    case Window: return window(f, u, u);
    case Cancel: {
      if (p.k < p.K / 2) return halving(f, u);
      uint32_t code = halving(f, other);
      if (p.isA) return code;
      return code ^ 1u << (f.bits - 1) ^ ((r & 7) == 0 ? 1u : 0u);
    }
    case Gap: return gap(f, u, p);
    case Powers: return window(f, u, (u & 3) == 0 ? 1u << (f.mantissa - 1) : 0);
    case Tiny: return f.make(sign, f.exponent == 8 ? 40 + (p.first >> 8 & 31) + (r & 3) : r & 3, u);
    case Huge: return finite(f, f.make(sign, f.top() - (r & 3), u));
    case Zeros: return p.isA ? f.make((p.first >> 31) ^ ((r & 31) == 0 ? 1u : 0u), 0, 0) : near(f, u & 0x7FFFFFFFu);
    case Sparse: return (r & 12) != 0 ? f.make(sign, 0, 0) : near(f, u);
    case Special: return special(f, u);
    default: return wholeNumber(f, int(r % 9) - 4);
  }
}

// One accumulator.
static inline uint32_t addend(const Format &f, int map, uint32_t v) {
  uint32_t sign = v >> 31, r = v >> 23 & 0xFF;
  switch (map) {
    case None: return 0;
    case Zero: return f.make(sign, 0, 0);
    case AnyCode: return f.make(sign, r & f.exponentMask(), v);
    case AnyFinite: return finite(f, f.make(sign, r & f.exponentMask(), v));
    case NearOne: return f.make(sign, f.bias - 4 + (r & 7), v);
    case Large: return f.make(sign, f.bias + 6 + r % std::min(20u, f.top() - f.bias - 5), v);
    case Small: return f.make(sign, atLeastZero(f.bias - 8 - int(r % 24)), v);
    case Subnormal: return f.make(sign, 0, v);
    default: return wholeNumber(f, int(r % 17) - 8);
  }
}

// Codes of a whole capture, little-endian, in the order of docs/spec/capture.md.
struct Inputs {
  std::vector<uint8_t> a, b, c;
};

static inline void store(std::vector<uint8_t> &bytes, uint64_t index, uint32_t code, int size) {
  for (int i = 0; i < size; i++) bytes[index * size + i] = uint8_t(code >> 8 * i);
}

static inline uint32_t load(const uint8_t *bytes, uint64_t index, int size) {
  uint32_t code = 0;
  for (int i = 0; i < size; i++) code |= uint32_t(bytes[index * size + i]) << 8 * i;
  return code;
}

static inline void makeOperand(const Unit &unit, bool isA, uint64_t seed, uint64_t tiles, int steps, std::vector<uint8_t> &bytes) {
  const Format &f = isA ? *unit.a : *unit.b;
  int rows = isA ? TileRows : TileColumns, K = unit.k, size = f.bits / 8;
  Words words(seed, unit.instruction() + (isA ? "/a" : "/b")), plan(seed, unit.instruction() + "/plan");
  bytes.resize(tiles * steps * rows * K * size);
  std::vector<uint32_t> u(K);
  for (uint64_t row = 0; row < tiles * steps * rows; row++) {
    uint64_t tile = row / (uint64_t(steps) * rows);
    for (int k = 0; k < K; k++) u[k] = words[row * K + k];
    for (int k = 0; k < K; k++) {
      Place place = {isA, plan[tile], u[0], k, K};
      store(bytes, row * K + k, element(f, elementMapOf(tile), u[k], u[k < K / 2 ? k : k - K / 2], place), size);
    }
  }
}

static inline Inputs makeInputs(const Unit &unit, uint64_t seed, uint64_t tiles, int steps) {
  Inputs in;
  makeOperand(unit, true, seed, tiles, steps, in.a);
  makeOperand(unit, false, seed, tiles, steps, in.b);
  int size = unit.d->bits / 8;
  Words words(seed, unit.instruction() + "/c");
  in.c.resize(tiles * TileDots * size);
  for (uint64_t i = 0; i < tiles * TileDots; i++) store(in.c, i, addend(*unit.d, addendMapOf(i / TileDots), words[i]), size);
  return in;
}
