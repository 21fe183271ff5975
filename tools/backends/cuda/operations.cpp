// Five operations: what is offered of each, and the launch that does it.
#include "operations.h"

#include <cstring>

namespace {

const DLTensor *find(const dsref_call *call, const char *name) {
  for (int32_t i = 0; i < call->argument_count; i++)
    if (strcmp(call->arguments[i].name, name) == 0) return &call->arguments[i].tensor;
  return nullptr;
}

const dsref_attribute *attribute(const dsref_call *call, const char *name) {
  for (int32_t i = 0; i < call->attribute_count; i++)
    if (strcmp(call->attributes[i].name, name) == 0) return &call->attributes[i];
  return nullptr;
}

bool is(const dsref_call *call, const char *name, const char *text) {
  const dsref_attribute *a = attribute(call, name);
  return a != nullptr && a->kind == DSREF_TEXT && strcmp(a->text, text) == 0;
}

int whole(const dsref_call *call, const char *name) {
  const dsref_attribute *a = attribute(call, name);
  return a == nullptr ? 0 : int(a->whole);
}

float real(const dsref_call *call, const char *name) {
  const dsref_attribute *a = attribute(call, name);
  return a == nullptr ? 0.0f : a->kind == DSREF_REAL ? float(a->real) : float(a->whole);
}

bool has(const DLTensor *t, uint8_t code, uint8_t bits) { return t != nullptr && t->dtype.code == code && t->dtype.bits == bits; }
bool isF32(const DLTensor *t) { return has(t, DSREF_DTYPE_FLOAT, 32); }
bool isBF16(const DLTensor *t) { return has(t, DSREF_DTYPE_BFLOAT, 16); }
bool isE4M3(const DLTensor *t) { return has(t, DSREF_DTYPE_FLOAT8_E4M3FN, 8); }
bool isReal(const DLTensor *t) { return isF32(t) || isBF16(t); }
int elementOf(const DLTensor *t) { return isBF16(t) ? ElementBF16 : ElementF32; }

int64_t count(const DLTensor *t) {
  int64_t n = 1;
  for (int32_t i = 0; i < t->ndim; i++) n *= t->shape[i];
  return n;
}

template <typename T = void>
T *at(const DLTensor *t) {
  return t == nullptr || t->data == nullptr ? nullptr : reinterpret_cast<T *>(static_cast<char *>(t->data) + t->byte_offset);
}

// Every tensor of a call is read or written as a whole, in units of its elements; a tensor that is read in pieces of 16 bytes lies on them.
Launch launched(const dsref_call *call, KernelId kernel, int64_t blocks, const void *arguments, size_t bytes, uint64_t alignment = 1) {
  Launch launch = {kernel, blocks, arguments, bytes, {}};
  for (int32_t i = 0; i < call->argument_count; i++) {
    const DLTensor *t = &call->arguments[i].tensor;
    uint64_t width = t->dtype.bits / 8;
    bool operand = strcmp(call->arguments[i].name, "x") == 0 || strcmp(call->arguments[i].name, "weight") == 0;
    launch.regions.push_back({at(t), uint64_t(count(t)) * width, operand && alignment > width ? alignment : width});
  }
  return launch;
}

int64_t blocksOf(int64_t rows, int64_t columns) { return (rows + GemmRows - 1) / GemmRows * ((columns + GemmColumns - 1) / GemmColumns); }

bool isAligned(const void *p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

GemmArguments gemmOf(const dsref_call *call, int width) {
  const DLTensor *x = find(call, "x"), *weight = find(call, "weight"), *c = find(call, "c"), *y = find(call, "y");
  GemmArguments g = {};
  g.x = at<uint8_t>(x);
  g.weight = at<uint8_t>(weight);
  g.c = at<float>(c);
  g.y = at(y);
  g.rows = y->shape[0];
  g.columns = y->shape[1];
  g.rowBytes = x->shape[1] * width;
  g.vectors = g.rowBytes % 16 == 0 && isAligned(g.x) && isAligned(g.weight);
  g.yElement = elementOf(y);
  return g;
}

const char *refusesScaledLinear(const dsref_call *c) {
  if (!is(c, "product.block", "hopper-wgmma-e4m3-f32")) return "only sums of Hopper's wgmma are done here (product.block hopper-wgmma-e4m3-f32)";
  if (is(c, "product.order", "inthesum")) return "scales inside the sum are Blackwell's";
  if (whole(c, "product.fused") == 0 || !is(c, "product.accumulator", "F32")) return "only a fused addition to a binary32 accumulator is done here";
  if (!isE4M3(find(c, "x")) || !isE4M3(find(c, "weight")) || !isReal(find(c, "y"))) return "codes are E4M3 and results F32 or BF16 here";
  if (!isF32(find(c, "x_scale")) || !isF32(find(c, "weight_scale"))) return "scales are F32 here";
  return find(c, "c") != nullptr && !isF32(find(c, "c")) ? "c is F32 here" : nullptr;
}

Launch launchScaledLinear(const dsref_call *call, void *arguments) {
  GemmArguments g = gemmOf(call, 1);
  const DLTensor *xScale = find(call, "x_scale"), *weightScale = find(call, "weight_scale");
  g.xScale = at<float>(xScale);
  g.weightScale = at<float>(weightScale);
  g.scaleBlocks = xScale->shape[1];
  g.rowsPerScale = weightScale->shape[0] == g.columns && g.columns > 1 ? 1 : 128;
  g.runSlices = whole(call, "product.promotion") / 32;
  g.activationFirst = is(call, "product.order", "activationfirst");
  memcpy(arguments, &g, sizeof g);
  return launched(call, KernelGemmFP8, blocksOf(g.rows, g.columns), arguments, sizeof g, g.vectors ? 16 : 1);
}

const char *refusesLinear(const dsref_call *c) {
  if (!is(c, "accumulation", "hopper-wgmma-bf16-f32")) return "only sums of Hopper's wgmma are done here (accumulation hopper-wgmma-bf16-f32)";
  return isBF16(find(c, "x")) && isBF16(find(c, "weight")) && isReal(find(c, "y")) ? nullptr : "operands are BF16 and results F32 or BF16 here";
}

Launch launchLinear(const dsref_call *call, void *arguments) {
  GemmArguments g = gemmOf(call, 2);
  memcpy(arguments, &g, sizeof g);
  return launched(call, KernelGemmBF16, blocksOf(g.rows, g.columns), arguments, sizeof g, g.vectors ? 16 : 1);
}

const char *refusesQuantize(const dsref_call *c) {
  if (!is(c, "tile", "row1x128")) return "only tiles of one row and 128 columns are done here";
  if (!isE4M3(find(c, "codes")) || !isF32(find(c, "scales")) || !isReal(find(c, "x"))) return "codes are E4M3, scales F32 and x F32 or BF16 here";
  bool known = false;
  for (const char *name : {"tritonactquant", "deepgemm", "deepgemm2025", "deepeplowlatency", "tilelang", "torchcuda"}) known = known || is(c, "arithmetic", name);
  if (!known) return "this arithmetic is not known here";
  return is(c, "scale_format", "f32") || is(c, "scale_format", "ue8m0") ? nullptr : "this scale format is not known here";
}

Launch launchQuantize(const dsref_call *call, void *arguments) {
  const DLTensor *x = find(call, "x");
  QuantizeArguments q = {};
  q.x = at(x);
  q.codes = at<uint8_t>(find(call, "codes"));
  q.scales = at<float>(find(call, "scales"));
  q.rows = x->shape[0];
  q.columns = x->shape[1];
  q.xElement = elementOf(x);
  bool quotient = is(call, "arithmetic", "tritonactquant") || is(call, "arithmetic", "deepgemm") || is(call, "arithmetic", "deepgemm2025");
  q.scale = quotient ? ScaleQuotient : ScaleProduct;
  q.step = is(call, "arithmetic", "tritonactquant") || is(call, "arithmetic", "tilelang") ? StepQuotient
           : is(call, "arithmetic", "deepgemm") || is(call, "arithmetic", "torchcuda")    ? StepReciprocal
                                                                                          : StepLargestOverAmax;
  q.clamp = is(call, "clamp", "amax") ? ClampAmax : is(call, "clamp", "scale") ? ClampScale : ClampNone;
  q.powerOfTwo = is(call, "scale_format", "ue8m0");
  memcpy(arguments, &q, sizeof q);
  return launched(call, KernelQuantize, q.rows * ((q.columns + 127) / 128), arguments, sizeof q);
}

const char *refusesNorm(const dsref_call *c) {
  return isReal(find(c, "x")) && isReal(find(c, "weight")) && isReal(find(c, "y")) ? nullptr : "tensors are F32 or BF16 here";
}

Launch launchNorm(const dsref_call *call, void *arguments) {
  const DLTensor *x = find(call, "x"), *weight = find(call, "weight"), *y = find(call, "y");
  NormArguments a = {};
  a.x = at(x);
  a.weight = at(weight);
  a.y = at(y);
  a.rows = x->shape[0];
  a.columns = x->shape[1];
  a.epsilon = real(call, "epsilon");
  a.xElement = elementOf(x);
  a.weightElement = elementOf(weight);
  a.yElement = elementOf(y);
  a.roundsBeforeWeight = is(call, "rounding", "beforeweight");
  memcpy(arguments, &a, sizeof a);
  return launched(call, KernelNorm, a.columns == 0 ? 0 : (a.rows + 7) / 8, arguments, sizeof a);
}

const char *refusesGate(const dsref_call *c) {
  const DLTensor *logits = find(c, "logits"), *indices = find(c, "indices"), *bias = find(c, "bias");
  if (!is(c, "scoring", "sigmoid")) return "only sigmoid scores are done here";
  if (logits->shape[1] > MostExperts || whole(c, "groups") > MostGroups || indices->shape[1] > MostSlots) return "more experts, groups or slots than this kernel's shared memory holds";
  if (!isReal(logits) || !isF32(find(c, "scores")) || !isF32(find(c, "weights")) || !has(indices, DSREF_DTYPE_INT, 32)) return "dtypes that are not done here";
  return bias != nullptr && !isF32(bias) ? "the bias is F32 here" : nullptr;
}

Launch launchGate(const dsref_call *call, void *arguments) {
  const DLTensor *logits = find(call, "logits"), *indices = find(call, "indices");
  GateArguments g = {};
  g.logits = at(logits);
  g.bias = at<float>(find(call, "bias"));
  g.scores = at<float>(find(call, "scores"));
  g.indices = at<int32_t>(indices);
  g.weights = at<float>(find(call, "weights"));
  g.tokens = logits->shape[0];
  g.experts = int(logits->shape[1]);
  g.slots = int(indices->shape[1]);
  g.groups = whole(call, "groups");
  g.keptGroups = whole(call, "kept_groups");
  g.topTwo = is(call, "group_score", "toptwosum");
  g.maskIsZero = is(call, "mask", "zero");
  g.normalize = whole(call, "normalize");
  g.roundsEveryStep = is(call, "rounding", "everystep");
  g.logitElement = elementOf(logits);
  g.epsilon = real(call, "epsilon");
  g.scale = real(call, "scale");
  memcpy(arguments, &g, sizeof g);
  return launched(call, KernelGate, g.tokens, arguments, sizeof g);
}

const Operation known[] = {
    {"scaled_linear", refusesScaledLinear, launchScaledLinear},
    {"linear", refusesLinear, launchLinear},
    {"quantize", refusesQuantize, launchQuantize},
    {"rms_norm", refusesNorm, launchNorm},
    {"gate", refusesGate, launchGate},
};

static_assert(sizeof(GemmArguments) <= MostArgumentBytes && sizeof(GateArguments) <= MostArgumentBytes, "arguments of a launch fit");

}  // namespace

const Operation *operationOf(const char *name) {
  for (const Operation &one : known)
    if (strcmp(one.name, name) == 0) return &one;
  return nullptr;
}
