// The instructions that are run, one line each.
#pragma once
#include "formats.h"
#include <string>

// A tile is 64 rows of A, 8 rows of B (its columns, K-major) and 64 x 8 accumulators: one wgmma m64n8, or four mma.sync m16n8.
static const int TileRows = 64, TileColumns = 8, TileDots = TileRows * TileColumns;

struct Unit {
  bool warpgroup;  // wgmma.mma_async, else mma.sync
  int k;
  const Format *d, *a, *b;

  int rowBytes() const { return k * a->bits / 8; }

  std::string shape() const { return (warpgroup ? "m64n8k" : "m16n8k") + std::to_string(k); }

  std::string instruction() const {
    std::string types = std::string(".") + d->name + "." + a->name + "." + b->name;
    return warpgroup ? "wgmma.mma_async.sync.aligned." + shape() + types
                     : "mma.sync.aligned." + shape() + ".row.col" + types + "." + d->name;
  }

  std::string shortName() const {
    return std::string(warpgroup ? "wgmma" : "mma") + ".k" + std::to_string(k) + "." + d->name + "." + a->name + "." + b->name;
  }
};

// X(function, wgmma, k, accumulator, a, b): the order is that of the file names' table in docs/spec/capture.md.
#define WGMMA_F32_UNITS(X)                                    \
  X(WgmmaE4M3E4M3F32, true, 32, FP32, E4M3, E4M3, "e4m3.e4m3") \
  X(WgmmaE4M3E5M2F32, true, 32, FP32, E4M3, E5M2, "e4m3.e5m2") \
  X(WgmmaE5M2E4M3F32, true, 32, FP32, E5M2, E4M3, "e5m2.e4m3") \
  X(WgmmaE5M2E5M2F32, true, 32, FP32, E5M2, E5M2, "e5m2.e5m2")
#define WGMMA_F16_UNITS(X)                                    \
  X(WgmmaE4M3E4M3F16, true, 32, FP16, E4M3, E4M3, "e4m3.e4m3") \
  X(WgmmaE4M3E5M2F16, true, 32, FP16, E4M3, E5M2, "e4m3.e5m2") \
  X(WgmmaE5M2E4M3F16, true, 32, FP16, E5M2, E4M3, "e5m2.e4m3") \
  X(WgmmaE5M2E5M2F16, true, 32, FP16, E5M2, E5M2, "e5m2.e5m2")
#define MMA_FP8_F32_UNITS(X)                                 \
  X(MmaE4M3E4M3F32, false, 32, FP32, E4M3, E4M3, "e4m3.e4m3") \
  X(MmaE4M3E5M2F32, false, 32, FP32, E4M3, E5M2, "e4m3.e5m2") \
  X(MmaE5M2E4M3F32, false, 32, FP32, E5M2, E4M3, "e5m2.e4m3") \
  X(MmaE5M2E5M2F32, false, 32, FP32, E5M2, E5M2, "e5m2.e5m2")
#define MMA_FP8_F16_UNITS(X)                                 \
  X(MmaE4M3E4M3F16, false, 32, FP16, E4M3, E4M3, "e4m3.e4m3") \
  X(MmaE4M3E5M2F16, false, 32, FP16, E4M3, E5M2, "e4m3.e5m2") \
  X(MmaE5M2E4M3F16, false, 32, FP16, E5M2, E4M3, "e5m2.e4m3") \
  X(MmaE5M2E5M2F16, false, 32, FP16, E5M2, E5M2, "e5m2.e5m2")

static const Unit Units[] = {
#define LINE(name, warpgroup, k, d, a, b, types) {warpgroup, k, &d, &a, &b},
    WGMMA_F32_UNITS(LINE) WGMMA_F16_UNITS(LINE)
    {true, 16, &FP32, &BF16, &BF16},
    {true, 16, &FP32, &FP16, &FP16},
    {true, 16, &FP16, &FP16, &FP16},
    {true, 8, &FP32, &TF32, &TF32},
    MMA_FP8_F32_UNITS(LINE) MMA_FP8_F16_UNITS(LINE)
    {false, 16, &FP32, &BF16, &BF16},
    {false, 16, &FP32, &FP16, &FP16},
    {false, 16, &FP16, &FP16, &FP16},
    {false, 8, &FP32, &BF16, &BF16},
    {false, 8, &FP32, &FP16, &FP16},
    {false, 8, &FP16, &FP16, &FP16},
    {false, 8, &FP32, &TF32, &TF32},
    {false, 4, &FP32, &TF32, &TF32},
#undef LINE
};
static const int UnitCount = sizeof(Units) / sizeof(Units[0]);
