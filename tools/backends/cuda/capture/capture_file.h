// Writes a capture file (docs/spec/capture.md): whole under its name, or not at all.
#pragma once
#include "inputs.h"
#include "sha256.h"
#include <cstdio>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

// The header's fields in order; values are given as JSON.
class Header {
 public:
  Header &text(const std::string &name, const std::string &value) {
    std::string quoted = "\"";
    for (char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      if (static_cast<unsigned char>(c) >= 0x20) quoted += c;
    }
    return add(name, quoted + "\"");
  }
  Header &number(const std::string &name, uint64_t value) { return add(name, std::to_string(value)); }
  Header &word(const std::string &name, uint32_t value) {
    char digits[16];
    snprintf(digits, sizeof digits, "0x%08x", value);
    return text(name, digits);
  }

  std::string json() const {
    std::string all;
    for (const auto &field : fields) all += (all.empty() ? "{\"" : ",\"") + field.first + "\":" + field.second;
    return all + "}";
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields;

  Header &add(const std::string &name, const std::string &json) {
    fields.emplace_back(name, json);
    return *this;
  }
};

// What the reader needs to make the inputs again, and the digest by which it knows that it made the same.
static inline void describeDots(Header &header, const Unit &unit, const Inputs &in, uint64_t seed, uint64_t tiles, int steps, bool explicitInputs) {
  Sha256 digest;
  for (const auto *part : {&in.a, &in.b, &in.c}) digest.add(part->data(), part->size());
  char digits[24];
  snprintf(digits, sizeof digits, "0x%016llx", static_cast<unsigned long long>(seed));
  header.text("a", unit.a->name).text("b", unit.b->name).text("accumulator", unit.d->name).number("k", unit.k).number("steps", steps);
  header.number("tiles", tiles).number("count", tiles * TileDots).text("seed", digits).text("maps", "1");
  header.text("inputs", explicitInputs ? "explicit" : "seed").text("inputs_sha256", digest.hex());
}

// Writes a file under a temporary name, and renames it. fill(put) hands the bytes to put(bytes, length).
template <typename Fill> static inline void writeWhole(const std::string &path, Fill fill) {
  std::string temporary = path + ".tmp";
  FILE *file = fopen(temporary.c_str(), "wb");
  if (!file) throw std::runtime_error(temporary + ": cannot be written; name a folder that exists with --out");
  bool good = true;
  fill([&](const void *bytes, uint64_t length) { good = good && fwrite(bytes, 1, length, file) == length; });
  good = fflush(file) == 0 && good;
  good = fsync(fileno(file)) == 0 && good;
  good = fclose(file) == 0 && good;
  if (!good || rename(temporary.c_str(), path.c_str()) != 0) {
    remove(temporary.c_str());
    throw std::runtime_error(path + ": could not be written whole; look at the room on its disk");
  }
}

static inline void writeCapture(const std::string &path, const Header &header, const std::vector<const std::vector<uint8_t> *> &parts) {
  std::string json = header.json();
  uint64_t payload = 0;
  for (const auto *part : parts) payload += part->size();

  writeWhole(path, [&](auto write) {
    Sha256 sum;
    auto put = [&](const void *bytes, uint64_t length) {
      sum.add(bytes, length);
      write(bytes, length);
    };
    auto putWord = [&](uint64_t value, int size) {
      uint8_t bytes[8];
      for (int i = 0; i < size; i++) bytes[i] = uint8_t(value >> 8 * i);
      put(bytes, size);
    };
    put("DSREFCAP", 8);
    putWord(1, 4);
    putWord(json.size(), 4);
    put(json.data(), json.size());
    putWord(payload, 8);
    for (const auto *part : parts) put(part->data(), part->size());
    uint8_t digest[32];
    sum.finish(digest);
    write(digest, 32);
  });
}
