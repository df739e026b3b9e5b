#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "jobs/job.hpp"
#include "src/base/timer.hpp"
#include "src/mpi/communicator.hpp"
#include "src/mpi/waiting.hpp"

namespace widegram::jobs {

using Json = nlohmann::ordered_json;

/// Time since construction on this rank, and how much of it passed inside MPI.
class PhaseClock {
 public:
  double seconds() const { return timer_.seconds(); }
  double waited() const { return mpi::waited_seconds() - before_; }

 private:
  Timer timer_;
  double before_ = mpi::waited_seconds();
};

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

  /// Collective: metrics["phases"][name] gets the seconds of the slowest rank and, over the ranks, those
  /// spent inside MPI. The phases of a run lie one behind the other: reading, assembly, writing (whose time
  /// the others leave out), selection (of a ridge), factorisation, substitution (with the residual),
  /// preconditioner, cg, evidence, spectrum, dynamics, dkm, predict. `without`: seconds of this rank
  /// that belong to another phase, of which the mean over the ranks is taken off.
  void phase(const std::string& name, const PhaseClock& clock, double without = 0);

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
