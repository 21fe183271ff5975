// The matrix units in plain integers, for the host build alone: what a capture should hold, without a GPU.
// Truncated fused dot product and add: all products and the addend are aligned to the largest exponent, cut toward zero at F fraction bits,
// and summed exactly (Khattak and Mikaitis, arXiv 2512.07004; MMA-Sim, arXiv 2511.10909).
#pragma once
#include "inputs.h"
#include <cmath>
#include <cstring>

namespace model {

static const int EmptyExponent = -133;  // of a term that is zero

struct Term {
  bool zero, infinite, nan, negative;
  int exponent;       // the value is significand * 2^(exponent - fraction)
  uint64_t significand;
  int fraction;
};

static inline Term decode(const Format &f, uint32_t code) {
  if (&f == &TF32) code &= ~0x1FFFu;
  Term t = {};
  t.negative = f.negative(code);
  t.nan = f.nan(code);
  t.infinite = f.special(code) && !t.nan;
  uint32_t e = f.exponentOf(code), m = f.mantissaOf(code);
  t.exponent = (e == 0 ? 1 : int(e)) - f.bias;
  t.significand = e == 0 ? m : m | 1u << f.mantissa;
  t.fraction = f.mantissa;
  t.zero = t.significand == 0;
  return t;
}

// An 8-bit operand as binary16 has it: what is subnormal in its own format is not, or less so.
static inline Term widened(Term t) {
  while (!t.zero && !t.nan && !t.infinite && t.significand < 1u << t.fraction && t.exponent > 1 - FP16.bias) {
    t.significand <<= 1;
    t.exponent--;
  }
  return t;
}

static inline Term product(const Term &a, const Term &b) {
  Term p = {};
  p.negative = a.negative != b.negative;
  p.nan = a.nan || b.nan || (a.infinite && b.zero) || (b.infinite && a.zero);
  p.infinite = !p.nan && (a.infinite || b.infinite);
  p.zero = a.zero || b.zero;
  p.exponent = a.exponent + b.exponent;
  p.significand = a.significand * b.significand;
  p.fraction = a.fraction + b.fraction;
  return p;
}

enum class Rounding { Truncate23, Truncate13, Nearest16 };

static inline uint32_t round(bool negative, uint64_t magnitude, int scale, Rounding rounding) {
  const Format &f = rounding == Rounding::Nearest16 ? FP16 : FP32;
  int kept = rounding == Rounding::Truncate13 ? 13 : f.mantissa, top = 63;
  while (!(magnitude >> top & 1)) top--;
  int e = std::max(top + scale, 1 - f.bias), shift = e - kept - scale;  // the quantum is 2^(e - kept)
  uint64_t q = shift <= 0 ? magnitude << -shift : shift > 63 ? 0 : magnitude >> shift;
  if (rounding == Rounding::Nearest16 && shift > 0) {
    // A shift beyond 63 leaves less than half a quantum.
    uint64_t rest = shift > 63 ? 0 : magnitude & ((1ull << shift) - 1), half = shift > 63 ? 1 : 1ull << (shift - 1);
    if (rest > half || (rest == half && (q & 1))) q++;
  }
  if (q >> (kept + 1)) {
    q >>= 1;
    e++;
  }
  if (e > f.bias) return f.make(negative, f.exponentMask(), 0);
  if (q == 0) return 0;
  q <<= f.mantissa - kept;
  return q >> f.mantissa ? f.make(negative, uint32_t(e + f.bias), uint32_t(q)) : f.make(negative, 0, uint32_t(q));
}

static inline uint32_t fused(const std::vector<Term> &terms, int F, Rounding rounding) {
  const Format &f = rounding == Rounding::Nearest16 ? FP16 : FP32;
  bool nan = false, plus = false, minus = false;
  int top = -1000;
  for (const Term &t : terms) {
    nan |= t.nan;
    plus |= t.infinite && !t.negative;
    minus |= t.infinite && t.negative;
    top = std::max(top, t.zero ? EmptyExponent : t.exponent);
  }
  if (nan || (plus && minus)) return f.make(0, f.exponentMask(), f.mantissaMask());
  if (plus || minus) return f.make(minus, f.exponentMask(), 0);
  int64_t sum = 0;
  for (const Term &t : terms) {
    if (t.zero) continue;
    int shift = t.fraction - F + top - t.exponent;
    int64_t v = shift <= 0 ? int64_t(t.significand << -shift) : shift > 63 ? 0 : int64_t(t.significand >> shift);
    sum += t.negative ? -v : v;
  }
  if (sum == 0) return 0;  // +0, whatever the signs of the terms
  return round(sum < 0, uint64_t(sum < 0 ? -sum : sum), top - F, rounding);
}

static inline float asFloat(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

// c + t with one rounding to nearest, in the accumulator's format.
static inline uint32_t add(const Format &f, uint32_t t, uint32_t c) {
  std::vector<Term> terms = {decode(f, t), decode(f, c)};
  if (&f == &FP16) return fused(terms, 40, Rounding::Nearest16);  // 40 bits hold every sum of two binary16 values exactly
  float sum = asFloat(t) + asFloat(c);
  if (std::isnan(sum)) return 0x7FFFFFFFu;
  uint32_t bits;
  memcpy(&bits, &sum, 4);
  return bits;
}

// One instruction's worth of one dot product: a, b of K codes, c, and what comes out.
static inline uint32_t multiply(const Unit &unit, const std::vector<uint32_t> &a, const std::vector<uint32_t> &b, uint32_t c) {
  bool half = unit.d == &FP16, eight = unit.a->bits == 8;
  std::vector<Term> products;
  auto read = [&](const Format &f, uint32_t code) { return eight && !unit.warpgroup ? widened(decode(f, code)) : decode(f, code); };
  for (int k = 0; k < unit.k; k++) products.push_back(product(read(*unit.a, a[k]), read(*unit.b, b[k])));
  if (eight && !unit.warpgroup) {
    // mma.sync with 8-bit operands runs as two 16-bit products on Hopper, and adds C last.
    uint32_t t = 0;
    for (int part = 0; part < 2; part++) {
      std::vector<Term> terms = {decode(*unit.d, t)};
      for (int k = 0; k < unit.k; k++)
        if (k % 4 / 2 == part) terms.push_back(products[k]);
      t = fused(terms, 25, half ? Rounding::Nearest16 : Rounding::Truncate23);
    }
    return add(*unit.d, t, c);
  }
  products.push_back(decode(*unit.d, c));
  return fused(products, eight ? 13 : 25, half ? Rounding::Nearest16 : eight ? Rounding::Truncate13 : Rounding::Truncate23);
}

// Every accumulator of every tile after all steps.
static inline std::vector<uint8_t> run(const Unit &unit, const Inputs &in, uint64_t tiles, int steps) {
  int size = unit.d->bits / 8, sizeA = unit.a->bits / 8, sizeB = unit.b->bits / 8;
  std::vector<uint8_t> d(tiles * TileDots * size);
  std::vector<uint32_t> a(unit.k), b(unit.k);
  for (uint64_t i = 0; i < tiles * TileDots; i++) {
    uint64_t tile = i / TileDots;
    int row = int(i % TileDots) / TileColumns, column = int(i % TileColumns);
    uint32_t c = load(in.c.data(), i, size);
    for (int s = 0; s < steps; s++) {
      for (int k = 0; k < unit.k; k++) {
        a[k] = load(in.a.data(), ((tile * steps + s) * TileRows + row) * unit.k + k, sizeA);
        b[k] = load(in.b.data(), ((tile * steps + s) * TileColumns + column) * unit.k + k, sizeB);
      }
      c = multiply(unit, a, b, c);
    }
    store(d, i, c, size);
  }
  return d;
}

}  // namespace model
