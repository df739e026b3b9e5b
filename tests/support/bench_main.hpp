#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>

#include "src/base/error.hpp"
#include "src/mpi/communicator.hpp"
#include "src/mpi/session.hpp"

namespace widegram::test {

/// Reads a benchmark's command line into `options`: declare(app, options) names them. Throws Error(usage)
/// with CLI11's message, or its help.
template <class Options, class Declare>
Options parse_options(int argc, char** argv, Declare&& declare) {
  Options options;
  CLI::App app;
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    throw Error(ExitCode::usage, app.help());
  } catch (const CLI::ParseError& error) {
    throw Error(ExitCode::usage, error.what());
  }
  return options;
}

/// A benchmark's main(): MPI, its options, run(comm, options), and one message for an error that all ranks
/// meet.
template <class Options, class Declare, class Run>
int bench_main(int argc, char** argv, const std::string& name, Declare&& declare, Run&& run) {
  const mpi::Session session;
  const mpi::Communicator comm = mpi::Communicator::world();
  try {
    return run(comm, parse_options<Options>(argc, argv, declare));
  } catch (const Error& e) {
    if (comm.is_root()) fmt::print(stderr, "{}: {}\n", name, e.what());
    return static_cast<int>(e.code());
  }
}

}  // namespace widegram::test
