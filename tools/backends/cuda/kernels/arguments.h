// What the host side gives to kernels: plain structures, the same for a GPU and for fibers of the host.
#pragma once
#include <cstdint>

enum Element { ElementF32 = 0, ElementBF16 = 1 };

// y = x Wᵀ. Rows of x and of the weight are rowBytes long and lie one after the other.
struct GemmArguments {
  const uint8_t *x, *weight;
  const float *xScale, *weightScale;  // FP8 alone
  const float *c;                     // or null: y = c + acc
  void *y;
  int64_t rows, columns, rowBytes;
  int64_t scaleBlocks;   // scales of a row of x, and of a row of weightScale
  int64_t rowsPerScale;  // rows of the weight that share a scale: 128, or 1
  int runSlices;         // instructions before a sum is scaled and added in binary32; 0: all of K
  int activationFirst;   // (d · sx), then fma with sw; else fma of (sx · sw) with d
  int vectors;           // rows can be read in pieces of 16 bytes
  int yElement;
};

enum QuantizerScale { ScaleQuotient = 0, ScaleProduct = 1 };                           // a / 448, a · (1/448)
enum QuantizerStep { StepQuotient = 0, StepReciprocal = 1, StepLargestOverAmax = 2 };  // x / s, x · (1/s), x · (448/a)
enum QuantizerClamp { ClampNone = 0, ClampAmax = 1, ClampScale = 2 };

// Tiles of one row and 128 columns.
struct QuantizeArguments {
  const void *x;
  uint8_t *codes;
  float *scales;
  int64_t rows, columns;
  int xElement, scale, step, clamp, powerOfTwo;
};

struct NormArguments {
  const void *x, *weight;
  void *y;
  int64_t rows, columns;
  float epsilon;
  int xElement, weightElement, yElement, roundsBeforeWeight;
};

struct GateArguments {
  const void *logits;
  const float *bias;  // or null
  float *scores;
  int32_t *indices;
  float *weights;
  int64_t tokens;
  int experts, slots, groups, keptGroups, topTwo, maskIsZero, normalize, roundsEveryStep, logitElement;
  float epsilon, scale;
};

enum KernelId { KernelGemmFP8 = 0, KernelGemmBF16 = 1, KernelQuantize = 2, KernelNorm = 3, KernelGate = 4, KernelCount = 5 };

static const int GemmRows = 64, GemmColumns = 64, MostExperts = 512, MostGroups = 64, MostSlots = 64;
