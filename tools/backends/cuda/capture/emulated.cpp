// Runs every kernel of kernels.cuh on fibers of the host and compares with model.h: the way of each operand from memory through shared
// memory and registers into the instruction, and of each accumulator. Build: g++ -std=c++20 -O2 emulated.cpp -o capture-emulated
#include "emulated.h"
#include "kernels.cuh"

int main() {
  const int tiles = 28, steps = 2;
  int wrong = 0;
  for (int u = 0; u < UnitCount; u++) {
    const Unit &unit = Units[u];
    Inputs in = makeInputs(unit, 5, tiles, steps);
    std::vector<uint8_t> want = model::run(unit, in, tiles, steps), got(want.size(), 0xA5);
    emulated::unit = &unit;
    emulated::shared.clear();
    emulated::together.run([&](unsigned) {
      for (unsigned tile = 0; tile < unsigned(tiles); tile++) {
        blockIdx.x = tile;
        Kernels[u](in.a.data(), in.b.data(), in.c.data(), got.data(), steps);
        emulated::together.arrive_and_wait();
      }
    });
    if (want != got) {
      wrong++;
      fprintf(stderr, "%s: kernel and model differ\n", unit.shortName().c_str());
    }
  }
  printf("emulated: %d of %d kernels agree with the model, %d dot products each\n", UnitCount - wrong, UnitCount, tiles * TileDots);
  return wrong == 0 ? 0 : 1;
}
