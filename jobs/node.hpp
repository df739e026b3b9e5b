#pragma once

#include <map>
#include <string>
#include <vector>

#include "jobs/job.hpp"
#include "jobs/key_table.hpp"
#include "jobs/metrics.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

/// A machine as a plan sees it: equal nodes, a network and a file system. Gflop/s and GB/s are powers of
/// 1,000.
struct Node {
  std::string name = "this machine";
  Index cores = 1;
  Bytes memory{};
  double dgemm_gflops = 0;  ///< a core
  double sgemm_gflops = 0;
  double entry_rate = 1;  ///< kernel entries that a core computes, in those that one computes here
  double memory_gb_s = 0;
  double first_touch_gb_s = 0;    ///< that a core writes into memory which the system has just given
  double network_gb_s = 0;        ///< a node, in and out at once
  double network_latency_us = 0;  ///< of a message
  double file_gb_s = 0;           ///< that all nodes write together at most
  Index half_rate_rows = 0;       ///< local rows at which a factorisation runs at half the rate of dgemm
  /// Where each number comes from: "given", "measured" or "assumed".
  std::map<std::string, std::string> origin;
};

/// Collective. This machine: measured on all ranks at once, in about two seconds, with the rate of writing
/// taken in `folder`. What one machine cannot know, its network, is assumed: 12.5 GB/s and 2 us.
Node measure_node(const mpi::Communicator& comm, const std::string& folder);

/// Replaces what a node file (TOML, the names above as keys) gives. Local. Throws Error(usage) naming file,
/// line and key.
void read_node(const std::string& path, Node& node);

/// The keys of a node file, for the reference.
std::vector<KeyInfo> node_key_info();

Json to_json(const Node& node);

}  // namespace widegram::jobs
