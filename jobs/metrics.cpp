#include "jobs/metrics.hpp"

#include "io/provenance.hpp"
#include "jobs/gram_family.hpp"
#include "jobs/memory.hpp"
#include "jobs/output_folder.hpp"
#include "src/kernels/canonical.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

Metrics::Metrics(const mpi::Communicator& comm, const Job& job, const std::string& command)
    : comm_(comm), path_(in_output(job, "metrics.json")) {
  const io::Provenance provenance = io::current_provenance(comm.size());
  values_ = {{"name", job.name},
             {"command", command},
             {"ranks", comm.size()},
             {"version", provenance.version},
             {"commit", provenance.commit},
             {"compiler", provenance.compiler},
             {"host", provenance.host},
             {"started", provenance.time},
             {"data", {{"train", job.data.train}, {"test", job.data.test}}}};
  // A deep kernel machine has kernels of its own, in its section.
  if (command == "dkm") return;
  values_["kernel"] = {{"preset", job.kernel.preset},
                       {"network", kernels::canonical(job.kernel.network)},
                       {"function", to_string(job.kernel.function)},
                       {"precision", io::to_string(job.kernel.precision)}};
}

void Metrics::spread(const std::string& section, const std::string& key, double value) {
  const mpi::Spread spread = comm_.spread(value);
  values_[section][key] = {{"min", spread.min}, {"mean", spread.mean}, {"max", spread.max}};
}

void Metrics::phase(const std::string& name, const PhaseClock& clock, double without) {
  const double here = clock.seconds();
  const mpi::Spread waited = comm_.spread(clock.waited());
  values_["phases"][name] = {
      {"seconds", comm_.max(here) - comm_.sum(without) / comm_.size()},
      {"mpi_seconds", {{"min", waited.min}, {"mean", waited.mean}, {"max", waited.max}}}};
}

void Metrics::write() {
  const Index peak = peak_rss_bytes();
  values_["memory"]["peak_rss_bytes_max"] = comm_.max(peak);
  values_["memory"]["peak_rss_bytes_sum"] = comm_.sum(peak);
  values_["seconds"] = comm_.max(timer_.seconds());
  mpi::on_root(comm_, [&] { write_text_file(path_, values_.dump(2) + "\n"); });
}

}  // namespace widegram::jobs
