#include <fmt/format.h>
#include <mpi.h>
#include <petscsys.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "jobs/command_line.hpp"
#include "jobs/commands/commands.hpp"
#include "jobs/job_file.hpp"
#include "jobs/launch.hpp"
#include "jobs/memory.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/petsc_options.hpp"
#include "jobs/versions.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/petsc.hpp"
#include "src/mpi/session.hpp"

namespace {

using namespace widegram;
using namespace widegram::jobs;

/// MPI from the first line on: the job file, which is read on rank 0, may hold options that PETSc wants when
/// it starts.
class EarlyMpi {
 public:
  EarlyMpi() {
    MPI_Init(nullptr, nullptr);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  ~EarlyMpi() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (!finalized) MPI_Finalize();
  }
  EarlyMpi(const EarlyMpi&) = delete;
  EarlyMpi& operator=(const EarlyMpi&) = delete;
};

/// An error that this rank alone has met: the others cannot know of it, so it ends them too.
[[noreturn]] void abort_alone(const mpi::Communicator& comm, int code, const char* what) {
  fmt::print(stderr, "widegram: error on rank {}: {}\n", comm.rank(), what);
  std::fflush(nullptr);
  mpi::abort_all(code);
}

/// The program's only place, beside run_without_mpi(), that catches: an error of all ranks becomes one
/// message and an exit code.
template <class Work>
int guarded(const mpi::Communicator& comm, Work&& work) {
  constexpr int internal_error = 1;
  try {
    return work();
  } catch (const Error& error) {
    const bool of_all = dynamic_cast<const mpi::CollectiveError*>(&error) != nullptr || comm.size() == 1;
    if (!of_all) abort_alone(comm, static_cast<int>(error.code()), error.what());
    const char* kind = error.code() == ExitCode::stopped ? "" : "error: ";
    if (comm.is_root()) fmt::print(stderr, "widegram: {}{}\n", kind, error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    abort_alone(comm, internal_error, error.what());
  }
}

bool takes_job(const CommandLine& line) { return !line.job_file.empty(); }

/// Commands that compute must not run as many copies of one rank.
void check_launch(const mpi::Communicator& comm, const CommandLine& line) {
  if (!takes_job(line) || line.command == "doctor" || line.command == "describe" || line.command == "plan")
    return;
  mpi::collectively(comm, [&] {
    if (const std::string problem = launch_problem(comm.size()); !problem.empty())
      throw Error(ExitCode::usage, problem);
  });
}

void warn_of_unused_options(Progress& progress) {
  PetscInt count = 0;
  char** names = nullptr;
  char** values = nullptr;
  petsc::check(PetscOptionsLeftGet(nullptr, &count, &names, &values));
  for (PetscInt i = 0; i < count; ++i)
    progress.warn(fmt::format(
        "the PETSc option -{} was not used: it is misspelt, or what it speaks of did not run", names[i]));
  petsc::check(PetscOptionsLeftRestore(nullptr, &count, &names, &values));
}

Progress make_progress(const mpi::Communicator& comm, const CommandLine& line) {
  if (!comm.is_root()) return Progress();
  using Level = Progress::Level;
  return Progress(std::cerr, {.level = line.quiet     ? Level::quiet
                                       : line.verbose ? Level::verbose
                                                      : Level::normal,
                              .terminal = isatty(STDERR_FILENO) == 1});
}

mpi::StopRequest stop_request(const mpi::Communicator& comm, const CommandLine& line,
                              const std::optional<Job>& job) {
  return {comm, {.walltime = line.walltime, .file = job ? stop_file(*job) : ""}};
}

int run_in_session(const mpi::Communicator& comm, const CommandLine& line, const std::optional<Job>& job) {
  const mpi::Session session(petsc_words(job ? &*job : nullptr, line));
  // PETSc has put the signals' own handlers back.
  mpi::StopRequest::listen_to_signals();
  return_freed_memory();
  // Nothing may unwind through the session: its end is collective.
  return guarded(comm, [&] {
    if (line.show_version) {
      if (comm.is_root()) fmt::print("{}", version_text());
      return 0;
    }
    Progress progress = make_progress(comm, line);
    const ExitCode code =
        execute({comm, line, job ? &*job : nullptr, progress, stop_request(comm, line, job)});
    warn_of_unused_options(progress);
    std::fflush(stdout);
    // Open MPI ends all ranks as soon as one of them exits with an error.
    comm.barrier();
    return static_cast<int>(code);
  });
}

int run_program(const mpi::Communicator& comm, const std::vector<std::string>& words) {
  const CommandLine line = mpi::collectively(comm, [&] { return parse_command_line(words); });
  if (line.help) {
    if (comm.is_root()) fmt::print("{}", *line.help);
    return 0;
  }
  check_launch(comm, line);
  std::optional<Job> job;
  if (takes_job(line)) job = read_job(comm, line.job_file, line.overrides);
  mpi::on_root(comm, [&] { check_petsc_words(petsc_words(job ? &*job : nullptr, line)); });
  return run_in_session(comm, line, job);
}

int run_without_mpi(const std::vector<std::string>& words) {
  try {
    const CommandLine line = parse_command_line(words);
    if (line.help || line.show_version) {
      fmt::print("{}", line.help ? *line.help : version_text());
      return 0;
    }
    return static_cast<int>(scale_command(line));
  } catch (const Error& error) {
    fmt::print(stderr, "widegram: {}{}\n", error.code() == ExitCode::stopped ? "" : "error: ", error.what());
    return static_cast<int>(error.code());
  }
}

}  // namespace

int main(int argc, char** argv) {
  // A write beyond the file size limit then fails like any other write, in place of ending the program.
  std::signal(SIGXFSZ, SIG_IGN);
  mpi::StopRequest::listen_to_signals();
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (launches_ranks(words)) return run_without_mpi(words);
  const EarlyMpi mpi;
  const mpi::Communicator comm = mpi::Communicator::world();
  return guarded(comm, [&] { return run_program(comm, words); });
}
