// Drives a fuzz target without libFuzzer: every file of the folders given, and so many changed copies of
// each, the same ones every time.
//   fuzz_TARGET [-rounds=N] FOLDER...
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "src/mpi/session.hpp"
#include "tests/fuzz/target.hpp"

namespace {

std::vector<std::uint8_t> changed(std::vector<std::uint8_t> bytes, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return random() % std::max<std::size_t>(1, limit); };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const auto at = static_cast<std::ptrdiff_t>(below(bytes.size()));
    switch (below(4)) {
      case 0:
        if (!bytes.empty()) bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        bytes.insert(bytes.begin() + at, static_cast<std::uint8_t>(random()));
        break;
      case 2:
        bytes.erase(bytes.begin() + at, bytes.begin() + at +
                                            static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(
                                                16, bytes.size() - static_cast<std::size_t>(at) + 1))));
        break;
      default:
        bytes.resize(static_cast<std::size_t>(at));
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  const widegram::mpi::Session session;
  int rounds = 200;
  std::size_t runs = 0;
  std::mt19937 random(20);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-rounds=")) {
      rounds = std::stoi(word.substr(8));
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(word)) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::vector<std::uint8_t> seed{std::istreambuf_iterator<char>(in),
                                           std::istreambuf_iterator<char>()};
      for (int round = 0; round <= rounds; ++round, ++runs) {
        const std::vector<std::uint8_t> bytes = round == 0 ? seed : changed(seed, random);
        try {
          LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        } catch (const std::exception& error) {
          std::ofstream("crash.bin", std::ios::binary)
              .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
          fmt::print(stderr, "{}, change {}: {}\nthe bytes are in crash.bin\n", entry.path().string(), round,
                     error.what());
          return 1;
        }
      }
    }
  }
  fmt::print("{} inputs\n", runs);
  return 0;
}
