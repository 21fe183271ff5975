// The same inputs without a GPU: their digests, and captures made by model.h instead of hardware, so that generator, writer and reader
// are held together. Build: g++ -std=c++17 -O2 host.cpp -o capture-host
#include "capture_file.h"
#include "layout.h"
#include "model.h"
#include "sweep.h"
#include <cstdlib>
#include <cstring>
#include <set>

// The addresses that the descriptor's rule gives to each byte of each row, and who holds which accumulator.
static void checkLayout() {
  std::set<int> addresses, held;
  uint64_t words = descriptor(0x400);
  int start = int(words & 0x3FFF) * 16, leading = int(words >> 16 & 0x3FFF) * 16, stride = int(words >> 32 & 0x3FFF) * 16;
  for (int row = 0; row < TileRows; row++)
    for (int byte = 0; byte < WgmmaRowBytes; byte++) {
      int unit = start + row / 8 * stride + byte / 16 * leading + row % 8 * 16 + byte % 16;
      int program = 0x400 + coreMatrixOffset(row, byte / ChunkBytes) + byte % ChunkBytes;
      if (unit != program) throw std::runtime_error("row " + std::to_string(row) + ": the copy and the descriptor disagree");
      addresses.insert(unit);
    }
  for (int thread = 0; thread < 128; thread++)
    for (int i = 0; i < 4; i++) held.insert(accumulatorRow(thread, i) * TileColumns + accumulatorColumn(thread, i));
  std::set<int> operands;
  for (int thread = 0; thread < 128; thread++)
    for (int i = 0; i < 4; i++) operands.insert(operandRowA(thread, i) * WgmmaRowBytes + operandByteA(thread, i));
  if (addresses.size() != TileRows * WgmmaRowBytes || held.size() != TileDots || operands.size() != TileRows * WgmmaRowBytes / 4)
    throw std::runtime_error("two elements share a place");
  printf("layout: %zu bytes of A, %zu accumulators, %zu registers of A, each in one place\n", addresses.size(), held.size(), operands.size());
}

// Conversions in whole numbers: what dsref must find again from a sweep's digests.
static uint32_t toTF32(uint32_t x) { return ((x & 0x7FFFFFFF) > 0x7F800000 ? x : x + 0x1000) & ~0x1FFFu; }
static uint32_t toBF16(uint32_t x) { return (x & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFF : (x + 0x7FFF + (x >> 16 & 1)) >> 16; }

static void writeSweep(const std::string &path, uint32_t count) {
  std::vector<std::string> all{"# synthetic, host.cpp"};
  for (bool tf32 : {true, false}) {
    int bytes = tf32 ? 4 : 2;
    auto lines = sweepLines(tf32 ? "cvt.rna.tf32.f32" : "cvt.rn.bf16.f32", bytes, count, 2, [=](uint8_t *memory, uint32_t first) {
      for (uint32_t i = 0; i < count; i++) {
        uint32_t y = tf32 ? toTF32(first + i) : toBF16(first + i);
        memcpy(memory + uint64_t(i) * bytes, &y, bytes); // the low bytes: the host is little-endian
      }
    });
    all.insert(all.end(), lines.begin(), lines.end());
  }
  writeLines(path, all);
}

int main(int count, char **arguments) try {
  std::string verb = count > 1 ? arguments[1] : "";
  if (verb == "layout") {
    checkLayout();
    return 0;
  }
  if (verb == "sweep" && count == 4) {
    uint64_t each = strtoull(arguments[2], nullptr, 0);
    if (each < 1 || each > SweepBlock) throw std::runtime_error("COUNT 1 to 2^26, of each block of 2^26 arguments");
    writeSweep(arguments[3], uint32_t(each));
    return 0;
  }
  if (count < 5 || (verb != "digests" && verb != "synthetic" && verb != "explicit"))
    throw std::runtime_error("capture-host layout | sweep COUNT FILE | digests SEED TILES STEPS | synthetic|explicit SEED TILES STEPS DIR");
  uint64_t seed = strtoull(arguments[2], nullptr, 0), tiles = strtoull(arguments[3], nullptr, 0);
  int steps = atoi(arguments[4]);
  if (tiles < 1 || tiles > 1 << 20 || steps < 1 || steps > 256) throw std::runtime_error("TILES 1 to 2^20, STEPS 1 to 256");
  for (const Unit &unit : Units) {
    Inputs in = makeInputs(unit, seed, tiles, steps);
    Header header;
    header.text("kind", "dot").text("origin", "synthetic").text("instruction", unit.instruction()).text("device", "model.h");
    describeDots(header, unit, in, seed, tiles, steps, verb == "explicit");
    if (verb == "digests") {
      printf("%s\n", header.json().c_str());
      continue;
    }
    if (count < 6) throw std::runtime_error("name the folder to write to");
    std::vector<uint8_t> d = model::run(unit, in, tiles, steps);
    std::string path = std::string(arguments[5]) + "/" + unit.shortName() + ".s" + std::to_string(steps) + ".capture";
    if (verb == "explicit")
      writeCapture(path, header, {&d, &in.a, &in.b, &in.c});
    else
      writeCapture(path, header, {&d});
  }
  return 0;
} catch (const std::exception &e) {
  fprintf(stderr, "capture-host: %s\n", e.what());
  return 1;
}
