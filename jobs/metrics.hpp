#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "jobs/job.hpp"
#include "src/base/timer.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

using Json = nlohmann::ordered_json;

/// What a run measured, on its way into OUTPUT/metrics.json. Every rank holds one; rank 0's is written.
class Metrics {
 public:
  /// Fills in name, command, ranks, version, commit, host, time, and what the job says of data and kernel.
  Metrics(const mpi::Communicator& comm, const Job& job, const std::string& command);

  /// A part of the run: metrics["gram"]["n"] = n. Local: set it on rank 0 at least.
  Json& operator[](const std::string& section) { return values_[section]; }

  /// A fact of the whole run. Local likewise.
  void set(const std::string& key, Json value) { values_[key] = std::move(value); }

  /// Collective: {"min", "mean", "max"} over the ranks of one number a rank, e.g. spread("gram",
  /// "rank_seconds", s).
  void spread(const std::string& section, const std::string& key, double value);

  /// Collective. Adds seconds since construction and peak memory, then writes OUTPUT/metrics.json on rank 0
  /// as a whole. Throws CollectiveError(files).
  void write();

 private:
  const mpi::Communicator& comm_;
  std::string path_;
  Json values_;
  Timer timer_;
};

}  // namespace widegram::jobs
