#include <fmt/format.h>

#include "jobs/commands/commands.hpp"
#include "jobs/pipeline.hpp"
#include "jobs/report.hpp"
#include "jobs/spectrum_stage.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode spectrum_command(const CommandContext& context) {
  const ExitCode code = run_parts(context, {.spectrum = true});
  mpi::on_root(context.comm, [&] {
    fmt::print("{}\n{}", to_text(io::read_spectrum(spectrum_path(*context.job))),
               files_of(context.job->output));
  });
  return code;
}

}  // namespace widegram::jobs
