#include "jobs/node.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <new>
#include <vector>

#include "jobs/memory.hpp"
#include "jobs/method_choice.hpp"
#include "jobs/processor.hpp"
#include "jobs/toml_file.hpp"
#include "solvers/solver_seconds.hpp"
#include "src/base/timer.hpp"
#include "src/dist/process_grid.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

constexpr GlobalIndex measured_rows = 3072;

const KeyTable<Node>& node_keys() {
  const Limits some{.above = 0};
  static const KeyTable<Node> keys(
      "",
      {key("name", &Node::name, "what the machine is called; without it: the file's name"),
       key("cores", &Node::cores, "of a node; required", {.least = 1}),
       key("memory", &Node::memory, "of a node; required"),
       key("dgemm_gflops", &Node::dgemm_gflops, "a core's matrix products in double; required", some),
       key("sgemm_gflops", &Node::sgemm_gflops, "in single precision; without it: twice as many", some),
       key("entry_rate", &Node::entry_rate,
           "kernel entries that a core computes, in those of a core of this machine; without it: 1", some),
       key("memory_gb_s", &Node::memory_gb_s, "memory bandwidth of a node; without it: as measured here",
           some),
       key("first_touch_gb_s", &Node::first_touch_gb_s,
           "what a core writes into memory that it has just been given; without it: as measured here", some),
       key("network_gb_s", &Node::network_gb_s, "network bandwidth of a node; without it: 12.5", some),
       key("network_latency_us", &Node::network_latency_us, "of a message; without it: 2", some),
       key("file_gb_s", &Node::file_gb_s,
           "what all nodes together write to the file system; without it: as measured here", some),
       key("half_rate_rows", &Node::half_rate_rows,
           "edge of a rank's part of the matrix at which a factorisation runs at half the rate of dgemm; "
           "without it: as measured here",
           {.least = 0})});
  return keys;
}

/// GB/s of a file that is written and flushed; 0 where the folder takes none.
double file_rate(const std::string& folder) {
  constexpr std::size_t bytes = std::size_t{32} << 20;
  const std::string path = (std::filesystem::path(folder) / "rate.part").string();
  const std::vector<char> content(bytes, 'w');
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return 0;
  ::unlink(path.c_str());
  const Timer timer;
  const bool whole =
      ::write(file, content.data(), bytes) == static_cast<ssize_t>(bytes) && ::fsync(file) == 0;
  const double seconds = timer.seconds();
  ::close(file);
  return whole ? 1e-9 * static_cast<double>(bytes) / seconds : 0;
}

/// GB/s into memory that the system has just given, page by page.
double first_touch_rate() {
  constexpr std::size_t bytes = std::size_t{128} << 20;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const Timer timer;
  std::memset(memory, 1, bytes);
  const double seconds = timer.seconds();
  ::munmap(memory, bytes);
  return 1e-9 * static_cast<double>(bytes) / seconds;
}

}  // namespace

Node measure_node(const mpi::Communicator& comm, const std::string& folder) {
  Node node;
  node.cores = comm.min(node_processors());
  node.memory = {comm.min(node_memory_bytes())};
  node.dgemm_gflops = 1e-9 * comm.min(dgemm_flops());
  node.sgemm_gflops = 1e-9 * comm.min(sgemm_flops());
  const dist::ProcessGrid alone = dist::ProcessGrid::square(mpi::Communicator::self());
  const solvers::SolverSeconds seconds =
      solvers::measure_solver_seconds(alone, measured_rows, dist::default_block, usual_columns);
  const double rows = measured_rows;
  const double rate = 1e-9 * rows * rows * rows / 3 / comm.max(seconds.factor);
  node.half_rate_rows = std::lround(rows * std::max(0.0, node.dgemm_gflops / rate - 1));
  node.memory_gb_s = static_cast<double>(node.cores) * 1e-9 * 8 * rows * rows / comm.max(seconds.product);
  node.first_touch_gb_s = comm.min(mpi::collectively(comm, first_touch_rate));
  double written = 0;
  mpi::on_root(comm, [&] { written = file_rate(folder); });
  node.file_gb_s = comm.max(written);
  for (const KeyInfo& key : node_keys().info()) node.origin[key.name] = "measured";
  node.network_gb_s = 12.5;
  node.network_latency_us = 2;
  for (const char* name : {"network_gb_s", "network_latency_us"}) node.origin[name] = "assumed";
  if (node.file_gb_s == 0) {
    node.file_gb_s = 1;
    node.origin["file_gb_s"] = "assumed";
  }
  return node;
}

void read_node(const std::string& path, Node& node) {
  const toml::table table = parse_toml(
      read_named_file(path, "node file", "it gives cores, memory and dgemm_gflops of a node"), path);
  node_keys().read(table, "", node);
  for (const char* name : {"cores", "memory", "dgemm_gflops"})
    if (!table.contains(name))
      throw Error(ExitCode::usage, fmt::format("{}: {} is missing: a node file gives at least cores, memory "
                                               "and dgemm_gflops",
                                               path, name));
  if (!table.contains("name")) node.name = std::filesystem::path(path).stem().string();
  if (!table.contains("sgemm_gflops")) node.sgemm_gflops = 2 * node.dgemm_gflops;
  // What was measured here says little of another machine.
  for (auto& [name, origin] : node.origin) origin = table.contains(name) ? "given" : "assumed";
}

std::vector<KeyInfo> node_key_info() {
  std::vector<KeyInfo> keys = node_keys().info();
  for (KeyInfo& key : keys) key.default_value.clear();
  return keys;
}

Json to_json(const Node& node) {
  Json json = {{"name", node.name},
               {"cores", node.cores},
               {"memory_bytes", node.memory.value},
               {"dgemm_gflops", node.dgemm_gflops},
               {"sgemm_gflops", node.sgemm_gflops},
               {"entry_rate", node.entry_rate},
               {"memory_gb_s", node.memory_gb_s},
               {"first_touch_gb_s", node.first_touch_gb_s},
               {"network_gb_s", node.network_gb_s},
               {"network_latency_us", node.network_latency_us},
               {"file_gb_s", node.file_gb_s},
               {"half_rate_rows", node.half_rate_rows}};
  json["origin"] = node.origin;
  return json;
}

}  // namespace widegram::jobs
