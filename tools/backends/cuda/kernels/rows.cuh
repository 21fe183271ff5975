// Quantiser of activations, RMSNorm and gate. Sums are in the order of the contract (docs/spec/contract.md N6, N11, N16), so that every bit is expected.
#pragma once
#include "elements.cuh"

// One block a tile of 128 elements.
static __global__ void __launch_bounds__(Threads) quantize(QuantizeArguments q) {
  __shared__ float magnitudes[Threads];
  int64_t tiles = (q.columns + Threads - 1) / Threads, row = int64_t(blockIdx.x) / tiles, tile = int64_t(blockIdx.x) % tiles;
  int64_t column = tile * Threads + threadIdx.x;
  bool inside = column < q.columns;
  float x = inside ? loadElement(q.x, row * q.columns + column, q.xElement) : 0.0f;
  magnitudes[threadIdx.x] = fabsf(x);
  __syncthreads();
  for (int half = Threads / 2; half > 0; half /= 2) {
    if (int(threadIdx.x) < half) magnitudes[threadIdx.x] = largerOrNaN(magnitudes[threadIdx.x], magnitudes[threadIdx.x + half]);
    __syncthreads();
  }

  const float largest = 448.0f, least = bitsToFloat(0x38D1B717u);
  float a = magnitudes[0];
  __syncthreads();
  if (q.clamp == ClampAmax) a = largerOrNaN(a, least);
  float s = q.scale == ScaleQuotient ? a / largest : a * (1.0f / largest);
  if (q.clamp == ClampScale) s = largerOrNaN(s, least);
  if (q.powerOfTwo && floatToBits(s) < 0x7F800000u) {
    uint32_t u = floatToBits(s), e = (u >> 23) + ((u & 0x7FFFFFu) != 0);
    s = bitsToFloat((e < 1 ? 1 : e > 254 ? 254 : e) << 23);
  }

  if (threadIdx.x == 0) q.scales[blockIdx.x] = s;
  float y = q.step == StepQuotient ? x / s : q.step == StepReciprocal || q.powerOfTwo ? x * (1.0f / s) : x * (largest / a);
  if (inside) q.codes[row * q.columns + column] = convertE4M3(y);
}

// Eight rows a block, sixteen lanes a row: lane j takes the columns k with k mod 16 = j.
static const int Lanes = 16, NormRows = Threads / Lanes;

static __global__ void __launch_bounds__(Threads) rmsNorm(NormArguments a) {
  __shared__ float sums[Threads];
  int thread = int(threadIdx.x), lane = thread % Lanes;
  int64_t row = int64_t(blockIdx.x) * NormRows + thread / Lanes;
  float sum = 0.0f;
  for (int64_t k = lane; row < a.rows && k < a.columns; k += Lanes) {
    float x = loadElement(a.x, row * a.columns + k, a.xElement);
    sum = fmaf(x, x, sum);
  }
  sums[thread] = sum;
  __syncthreads();
  for (int half = Lanes / 2; half > 0; half /= 2) {
    if (lane < half) sums[thread] = sums[thread] + sums[thread + half];
    __syncthreads();
  }

  // A binary64 quotient and root, rounded once more, is 1/sqrt rounded correctly.
  float v = (sums[thread - lane] + 0.0f) / float(a.columns), r = float(1.0 / sqrt(double(v + a.epsilon)));
  for (int64_t k = lane; row < a.rows && k < a.columns; k += Lanes) {
    float normalised = loadElement(a.x, row * a.columns + k, a.xElement) * r;
    if (a.roundsBeforeWeight) normalised = roundBF16(normalised);
    storeElement(a.y, row * a.columns + k, normalised * loadElement(a.weight, k, a.weightElement), a.yElement);
  }
}

// The `count` largest of c[0..n), larger first, then lower index (N9); those chosen are marked by -1 in `rank`.
static __device__ __forceinline__ void choose(const float *c, int n, int count, uint8_t *taken, int32_t *chosen) {
  for (int i = 0; i < n; i++) taken[i] = 0;
  for (int k = 0; k < count; k++) {
    int best = -1;
    for (int i = 0; i < n; i++)
      if (!taken[i] && (best < 0 || c[i] > c[best])) best = i;
    taken[best] = 1;
    chosen[k] = best;
  }
}

static __device__ __forceinline__ float step(float value, const GateArguments &g) { return g.roundsEveryStep ? roundBF16(value) : value; }

// One block a token: all threads score, the first chooses.
static __global__ void __launch_bounds__(Threads) gate(GateArguments g) {
  __shared__ float s[MostExperts], c[MostExperts], groupScores[MostGroups];
  __shared__ uint8_t taken[MostExperts];
  __shared__ int32_t kept[MostGroups], indices[MostSlots];
  __shared__ int32_t experts[MostExperts];
  int64_t token = int64_t(blockIdx.x);
  for (int i = int(threadIdx.x); i < g.experts; i += Threads) {
    double l = loadElement(g.logits, token * g.experts + i, g.logitElement);
    s[i] = step(float(1.0 / (1.0 + exp(-l))), g);
    c[i] = g.bias == nullptr ? s[i] : s[i] + g.bias[i];
    g.scores[token * g.experts + i] = s[i];
  }
  __syncthreads();
  if (threadIdx.x != 0) return;

  int candidates = g.experts, size = g.experts / g.groups;
  for (int i = 0; i < g.experts; i++) experts[i] = i;
  if (g.keptGroups < g.groups) {
    for (int j = 0; j < g.groups; j++) {
      float first = bitsToFloat(0xFF800000u), second = first;
      for (int i = j * size; i < (j + 1) * size; i++) {
        float lower = c[i] < first ? c[i] : first;
        second = lower > second ? lower : second;
        first = c[i] > first ? c[i] : first;
      }
      groupScores[j] = g.topTwo && size > 1 ? first + second : first;
    }
    choose(groupScores, g.groups, g.keptGroups, taken, kept);
    candidates = 0;
    for (int j = 0; j < g.groups; j++)
      for (int i = j * size; i < (j + 1) * size; i++) {
        if (!taken[j] && !g.maskIsZero) continue;
        c[candidates] = taken[j] ? c[i] : 0.0f;
        experts[candidates++] = i;
      }
  }
  choose(c, candidates, g.slots, taken, indices);

  float sum = 0.0f;
  for (int k = 0; k < g.slots; k++) sum += s[experts[indices[k]]];
  sum = step(step(sum, g) + g.epsilon, g);
  for (int k = 0; k < g.slots; k++) {
    int expert = experts[indices[k]];
    float share = g.normalize ? step(s[expert] / sum, g) : s[expert];
    g.indices[token * g.slots + k] = expert;
    g.weights[token * g.slots + k] = step(share * g.scale, g);
  }
}
