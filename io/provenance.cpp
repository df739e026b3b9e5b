#include "io/provenance.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "provenance_commit.hpp"  // made by provenance_commit.cmake

namespace widegram::io {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string program_version() { return WIDEGRAM_VERSION; }

std::string program_commit() { return build_commit; }

Provenance current_provenance(int ranks) {
#ifdef __clang__
  const std::string compiler = fmt::format("clang {}", __clang_version__);
#else
  const std::string compiler = fmt::format("g++ {}", __VERSION__);
#endif
  return {program_version(),
          program_commit(),
          compiler,
          host_name(),
          fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))),
          ranks};
}

void write_provenance(const hdf5::File& file, const Provenance& provenance) {
  hdf5::write_attribute(file, "/", "program_version", provenance.version);
  hdf5::write_attribute(file, "/", "program_commit", provenance.commit);
  hdf5::write_attribute(file, "/", "compiler", provenance.compiler);
  hdf5::write_attribute(file, "/", "host", provenance.host);
  hdf5::write_attribute(file, "/", "created", provenance.time);
  hdf5::write_attribute(file, "/", "ranks", provenance.ranks);
}

}  // namespace widegram::io
