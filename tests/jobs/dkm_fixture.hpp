#pragma once

#include <fmt/format.h>

#include "jobs/commands/commands.hpp"
#include "jobs/job_file.hpp"
#include "tests/jobs/pipeline_fixture.hpp"

namespace widegram::jobs::test {

/// Jobs of `widegram dkm` in a scratch folder.
class DkmFixture : public PipelineFixture {
 protected:
  /// So many digits to learn and to test on, and what a job file says besides.
  Job digits_job(const std::string& folder, Index learned, Index tested, const std::string& rest,
                 std::vector<std::string> settings) const {
    settings.insert(settings.begin(), "output=" + (scratch_ / folder));
    return parse_job(fmt::format("data.train = 'digits:train[:{}]'\ndata.test = 'digits:test[:{}]'\n{}",
                                 learned, tested, rest),
                     "job.toml", settings);
  }
  nlohmann::json train(const mpi::Communicator& comm, const Job& job, mpi::StopRequest stop) const {
    Progress silent;
    CommandLine line;
    line.command = "dkm";
    dkm_command({comm, line, &job, silent, std::move(stop)});
    comm.barrier();
    std::ifstream in(std::filesystem::path(job.output) / "metrics.json");
    return nlohmann::json::parse(in);
  }
  nlohmann::json train(const Job& job, mpi::StopRequest stop) const {
    return train(comm_, job, std::move(stop));
  }
  nlohmann::json train(const Job& job) const { return train(job, {comm_, {.file = stop_file(job)}}); }
  ExitCode code_of(const Job& job, std::string* message = nullptr) const {
    try {
      train(job);
    } catch (const mpi::CollectiveError& error) {
      if (message != nullptr) *message = error.what();
      return error.code();
    }
    return ExitCode::done;
  }
  std::vector<double> values(const std::string& folder, const std::string& name,
                             const std::string& dataset) const {
    return hdf5::Dataset(hdf5::File::open(file(folder, name)), dataset).read_all<double>();
  }
};

}  // namespace widegram::jobs::test
