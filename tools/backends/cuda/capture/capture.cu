// Runs the matrix units, conversions and approximate functions of a Hopper GPU on inputs made from a seed, and writes what came out.
// Build: nvcc -std=c++17 -O2 -gencode=arch=compute_90a,code=sm_90a capture.cu -o capture. What each file holds: docs/spec/capture.md.
#include "capture_file.h"
#include "inputs.h"
#include "ptx.cuh"
#include "kernels.cuh"
#include "scalar.cuh"
#include "sweep.h"
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <set>

#define CHECK(call)                                                                                                                       \
  do {                                                                                                                                    \
    cudaError_t error = (call);                                                                                                           \
    if (error != cudaSuccess) throw std::runtime_error(std::string(#call) + ": " + cudaGetErrorString(error));                            \
  } while (0)

// ---- the program

struct Options {
  std::string out, driver = "unknown", date, compiler, device, only;
  uint64_t seed = 1, tiles = 512;
  uint32_t count = 1u << 20, first = 0, step = 0;
  int steps = 1, cudaDriver = 0, runtime = 0, major = 0, minor = 0;
  bool explicitInputs = false, dots = true, scalars = true, sweep = false;
};

static Header provenance(const Options &o, const char *kind, const std::string &instruction) {
  Header header;
  header.text("kind", kind).text("origin", "hardware").text("instruction", instruction).text("device", o.device);
  header.text("compute_capability", std::to_string(o.major) + "." + std::to_string(o.minor)).text("driver", o.driver);
  header.number("cuda_driver", o.cudaDriver).number("cuda_runtime", o.runtime).text("compiler", o.compiler).text("date", o.date);
  return header;
}

static uint8_t *onDevice(const std::vector<uint8_t> &bytes) {
  uint8_t *memory = nullptr;
  CHECK(cudaMalloc(&memory, bytes.size()));
  CHECK(cudaMemcpy(memory, bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
  return memory;
}

// Whole numbers are exact in every unit: were an operand or an accumulator misplaced, they would not come out as the host adds them.
static void checkWholeNumbers(const Unit &unit, const Inputs &in, const std::vector<uint8_t> &d, uint64_t tiles, int steps) {
  uint64_t checked = 0;
  int size = unit.d->bits / 8, sizeA = unit.a->bits / 8, sizeB = unit.b->bits / 8;
  auto value = [](const Format &f, uint32_t code) {
    if (f.exponentOf(code) == 0) return 0;
    int e = int(f.exponentOf(code)) - f.bias, m = int((f.mantissaOf(code) | 1u << f.mantissa) >> (f.mantissa - e));
    return f.negative(code) ? -m : m;
  };
  for (uint64_t i = 0; i < tiles * TileDots; i++) {
    uint64_t tile = i / TileDots;
    int map = addendMapOf(tile), row = int(i % TileDots) / TileColumns, column = int(i % TileColumns);
    if (elementMapOf(tile) != Integers || !(map == None || map == Zero || map == WholeNumbers)) continue;
    int sum = value(*unit.d, load(in.c.data(), i, size));
    for (int s = 0; s < steps; s++)
      for (int k = 0; k < unit.k; k++)
        sum += value(*unit.a, load(in.a.data(), ((tile * steps + s) * TileRows + row) * unit.k + k, sizeA)) *
               value(*unit.b, load(in.b.data(), ((tile * steps + s) * TileColumns + column) * unit.k + k, sizeB));
    uint32_t got = load(d.data(), i, size), want = wholeNumber(*unit.d, sum);
    if (got != want && !(sum == 0 && uint64_t(got) << 1 == uint64_t(1) << unit.d->bits)) {
      char text[160];
      snprintf(text, sizeof text, "tile %llu, row %d, column %d: %d was expected (0x%x), 0x%x came out", (unsigned long long)tile, row, column, sum, want, got);
      throw std::runtime_error(unit.instruction() + ": " + text + "; an operand or accumulator is misplaced, nothing was written");
    }
    checked++;
  }
  if (checked == 0) throw std::runtime_error("--tiles: at least 14 are needed, so that the placement can be checked");
}

static void captureDots(const Options &o, int which) {
  const Unit &unit = Units[which];
  if (!Kernels[which]) {
    printf("%-28s left out: this compiler is older than CUDA 12.8\n", unit.shortName().c_str());
    return;
  }
  Inputs in = makeInputs(unit, o.seed, o.tiles, o.steps);
  std::vector<uint8_t> d(in.c.size());
  uint8_t *a = onDevice(in.a), *b = onDevice(in.b), *c = onDevice(in.c), *out = nullptr;
  CHECK(cudaMalloc(&out, d.size()));
  CHECK(cudaMemset(out, 0xA5, d.size()));
  Kernels[which]<<<unsigned(o.tiles), Threads>>>(a, b, c, out, o.steps);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaMemcpy(d.data(), out, d.size(), cudaMemcpyDeviceToHost));
  for (uint8_t *memory : {a, b, c, out}) CHECK(cudaFree(memory));
  checkWholeNumbers(unit, in, d, o.tiles, o.steps);

  Header header = provenance(o, "dot", unit.instruction());
  describeDots(header, unit, in, o.seed, o.tiles, o.steps, o.explicitInputs);
  std::string path = o.out + "/" + unit.shortName() + ".s" + std::to_string(o.steps) + ".capture";
  if (o.explicitInputs)
    writeCapture(path, header, {&d, &in.a, &in.b, &in.c});
  else
    writeCapture(path, header, {&d});
  printf("%-28s %llu dot products of %d\n", unit.shortName().c_str(), (unsigned long long)(o.tiles * TileDots), unit.k * o.steps);
}

static void captureScalar(const Options &o, const Scalar &scalar) {
  uint32_t count = scalar.edges ? 1u << 20 : o.count;
  std::vector<uint8_t> results(uint64_t(count) * scalar.bytes);
  uint8_t *out = nullptr;
  CHECK(cudaMalloc(&out, results.size()));
  uint32_t first = o.step ? o.first : scalar.first, step = o.step ? o.step : scalar.step;
  scalar.kernel<<<256, 256>>>(out, count, scalar.edges, first, step);
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaMemcpy(results.data(), out, results.size(), cudaMemcpyDeviceToHost));
  CHECK(cudaFree(out));

  Header header = provenance(o, scalar.kind, scalar.instruction);
  header.text("map", scalar.edges ? "edges" : "sequence").number("count", count).number("result_bytes", scalar.bytes);
  if (!scalar.edges) header.word("first", first).word("step", step);
  writeCapture(o.out + "/" + scalar.name + ".capture", header, {&results});
  printf("%-28s %u arguments\n", scalar.name, count);
}

// Every argument of every conversion and function that --only names, in one file.
static void captureSweep(const Options &o) {
  std::vector<std::string> all{"# " + o.device + ", driver " + o.driver + ", " + o.compiler + ", " + o.date};
  std::set<std::string> swept;
  uint8_t *out = nullptr;
  CHECK(cudaMalloc(&out, uint64_t(4) * SweepBlock));
  for (const Scalar &scalar : Scalars) {
    if (std::string(scalar.name).find(o.only) == std::string::npos || !swept.insert(scalar.instruction).second) continue;
    auto lines = sweepLines(scalar.instruction, scalar.bytes, SweepBlock, std::max(1u, std::thread::hardware_concurrency()), [&](uint8_t *memory, uint32_t from) {
      scalar.kernel<<<1024, 256>>>(out, SweepBlock, false, from, 1);
      CHECK(cudaGetLastError());
      CHECK(cudaMemcpy(memory, out, uint64_t(scalar.bytes) * SweepBlock, cudaMemcpyDeviceToHost));
    });
    all.insert(all.end(), lines.begin(), lines.end());
    printf("%-28s every argument\n", scalar.instruction);
    fflush(stdout);
  }
  CHECK(cudaFree(out));
  if (all.size() == 1) throw std::runtime_error("--only " + o.only + " names no conversion or function");
  writeLines(o.out + "/every-argument.sweep", all);
}

static Options read(int count, char **arguments) {
  Options o;
  for (int i = 1; i < count; i++) {
    std::string name = arguments[i];
    auto next = [&] {
      if (++i == count) throw std::runtime_error(name + ": a value is missing");
      return std::string(arguments[i]);
    };
    if (name == "--out") o.out = next();
    else if (name == "--seed") o.seed = strtoull(next().c_str(), nullptr, 0);
    else if (name == "--tiles") o.tiles = strtoull(next().c_str(), nullptr, 0);
    else if (name == "--steps") o.steps = atoi(next().c_str());
    else if (name == "--count") o.count = uint32_t(strtoull(next().c_str(), nullptr, 0));
    else if (name == "--first") o.first = uint32_t(strtoull(next().c_str(), nullptr, 0));
    else if (name == "--step") o.step = uint32_t(strtoull(next().c_str(), nullptr, 0));
    else if (name == "--only") o.only = next();
    else if (name == "--driver") o.driver = next();
    else if (name == "--explicit") o.explicitInputs = true;
    else if (name == "--sweep") o.sweep = true;
    else if (name == "--no-scalars") o.scalars = false;
    else if (name == "--no-dots") o.dots = false;
    else throw std::runtime_error(name + ": capture --out DIR [--seed S] [--tiles N] [--steps N] [--count N] [--first WORD --step N] [--only TEXT] [--driver TEXT] [--explicit] [--no-scalars] [--no-dots] [--sweep]");
  }
  if (o.first != 0 && o.step == 0) throw std::runtime_error("--first WORD needs --step N");
  if (o.out.empty()) throw std::runtime_error("--out DIR is missing");
  if (o.tiles < 14 || o.tiles > 1 << 20 || o.steps < 1 || o.steps > 256 || o.count < 1) throw std::runtime_error("--tiles 14 to 2^20, --steps 1 to 256, --count from 1");
  return o;
}

int main(int count, char **arguments) try {
  Options o = read(count, arguments);
  cudaDeviceProp device;
  CHECK(cudaGetDeviceProperties(&device, 0));
  o.device = device.name;
  o.major = device.major;
  o.minor = device.minor;
  if (o.major != 9) throw std::runtime_error(o.device + ": compute capability 9.0 (Hopper) is needed; wgmma exists on no other");
  CHECK(cudaDriverGetVersion(&o.cudaDriver));
  CHECK(cudaRuntimeGetVersion(&o.runtime));
  o.compiler = COMPILER;
  time_t now = time(nullptr);
  char date[32];
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  o.date = date;

  if (o.sweep) {
    captureSweep(o);
    return 0;
  }
  for (int i = 0; o.dots && i < UnitCount; i++)
    if (Units[i].shortName().find(o.only) != std::string::npos) captureDots(o, i);
  for (const Scalar &scalar : Scalars)
    if (o.scalars && std::string(scalar.name).find(o.only) != std::string::npos) captureScalar(o, scalar);
  return 0;
} catch (const std::exception &e) {
  fprintf(stderr, "capture: %s\n", e.what());
  return 1;
}
