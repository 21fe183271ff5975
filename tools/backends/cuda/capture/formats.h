// Number formats of the matrix units' operands and accumulators, as fields of a code.
#pragma once
#include <cstdint>

struct Format {
  const char *name;
  int bits;      // of a code; a TF32 code is the binary32 pattern in its register
  int exponent;  // bits of the exponent field
  int mantissa;  // bits of the mantissa field
  int bias;

  uint32_t exponentMask() const { return (1u << exponent) - 1; }
  uint32_t mantissaMask() const { return (1u << mantissa) - 1; }
  uint32_t make(uint32_t sign, uint32_t e, uint32_t m) const { return sign << (bits - 1) | e << mantissa | (m & mantissaMask()); }
  uint32_t exponentOf(uint32_t code) const { return code >> mantissa & exponentMask(); }
  uint32_t mantissaOf(uint32_t code) const { return code & mantissaMask(); }
  bool negative(uint32_t code) const { return code >> (bits - 1) & 1; }

  // E4M3 has no infinity: all exponents hold numbers, and one code of each sign is NaN.
  bool hasInfinity() const { return !(exponent == 4 && mantissa == 3); }
  bool special(uint32_t code) const {
    return exponentOf(code) == exponentMask() && (hasInfinity() || mantissaOf(code) == mantissaMask());
  }
  bool nan(uint32_t code) const { return special(code) && (!hasInfinity() || mantissaOf(code) != 0); }

  // The largest exponent field of a finite number.
  uint32_t top() const { return exponentMask() - (hasInfinity() ? 1 : 0); }
};

static const Format E4M3 = {"e4m3", 8, 4, 3, 7};
static const Format E5M2 = {"e5m2", 8, 5, 2, 15};
static const Format BF16 = {"bf16", 16, 8, 7, 127};
static const Format FP16 = {"f16", 16, 5, 10, 15};
static const Format TF32 = {"tf32", 32, 8, 23, 127};
static const Format FP32 = {"f32", 32, 8, 23, 127};
