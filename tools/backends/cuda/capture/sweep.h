// Digests of what a conversion or approximate function gives at every argument (docs/spec/capture.md, section 5): 64 lines in place of up to 16 GiB.
#pragma once
#include "capture_file.h"
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static const uint32_t SweepBlock = 1u << 26;
static const int SweepBlocks = 64;

// One line for the first `count` arguments of each block. fill(memory, first) puts their results, little-endian words of so many bytes, into memory:
// it is called under a lock, and digests are made beside it.
static inline std::vector<std::string> sweepLines(const std::string &instruction, int bytes, uint32_t count, int threads, const std::function<void(uint8_t *, uint32_t)> &fill) {
  std::vector<std::string> lines(SweepBlocks);
  std::mutex lock;
  std::exception_ptr failure;
  int next = 0;
  auto work = [&] {
    try {
      std::vector<uint8_t> memory(uint64_t(bytes) * count);
      for (;;) {
        int block;
        {
          std::lock_guard<std::mutex> held(lock);
          if (next == SweepBlocks || failure) return;
          block = next++;
          fill(memory.data(), uint32_t(block) * SweepBlock);
        }
        Sha256 digest;
        digest.add(memory.data(), memory.size());
        char place[48];
        snprintf(place, sizeof place, " 0x%08x %u ", uint32_t(block) * SweepBlock, count);
        lines[block] = instruction + place + digest.hex();
      }
    } catch (...) {
      std::lock_guard<std::mutex> held(lock);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; i++) pool.emplace_back(work);
  for (auto &each : pool) each.join();
  if (failure) std::rethrow_exception(failure);
  return lines;
}

static inline void writeLines(const std::string &path, const std::vector<std::string> &lines) {
  writeWhole(path, [&](auto put) {
    for (const auto &line : lines) put((line + "\n").data(), line.size() + 1);
  });
}
