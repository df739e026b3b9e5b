#pragma once

#include "jobs/command_line.hpp"
#include "jobs/job.hpp"
#include "jobs/progress.hpp"
#include "src/base/error.hpp"
#include "src/mpi/communicator.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {

/// What a command works with. All ranks hold the same command line and job.
struct CommandContext {
  const mpi::Communicator& comm;
  const CommandLine& line;
  const Job* job = nullptr;  ///< set for every command that takes a job file (doctor: where one was given)
  Progress& progress;        ///< speaks on rank 0 alone
  mpi::StopRequest stop{};   ///< asked by whatever works for long
};

/// One command a file. Collective over context.comm; results go to standard output on rank 0. Returns the
/// exit code of a command that ended as it should: done, or stopped with its work saved, or a finding of
/// doctor and verify. Throws mpi::CollectiveError.
ExitCode run_command(const CommandContext& context);
ExitCode gram_command(const CommandContext& context);
ExitCode solve_command(const CommandContext& context);
ExitCode predict_command(const CommandContext& context);
ExitCode spectrum_command(const CommandContext& context);
ExitCode dynamics_command(const CommandContext& context);
ExitCode dkm_command(const CommandContext& context);
ExitCode describe_command(const CommandContext& context);
ExitCode inspect_command(const CommandContext& context);
ExitCode verify_command(const CommandContext& context);
ExitCode report_command(const CommandContext& context);
ExitCode doctor_command(const CommandContext& context);
ExitCode plan_command(const CommandContext& context);

/// A scaling study. The only command without MPI: it starts MPI programs. Local; throws Error.
ExitCode scale_command(const CommandLine& line);

/// Runs the command that the command line names.
ExitCode execute(const CommandContext& context);

}  // namespace widegram::jobs
