#pragma once

#include <string>
#include <vector>

#include "jobs/job.hpp"
#include "jobs/key_table.hpp"

namespace widegram::jobs {

/// The one description of the job file: what checks it, fills it, writes it and documents it.

/// Name and output at the top of the file.
const KeyTable<Job>& top_keys();
const KeyTable<DataSection>& data_keys();
const KeyTable<KernelSection>& kernel_keys();
const KeyTable<GramSection>& gram_keys();
const KeyTable<SolveSection>& solve_keys();
const KeyTable<PredictSection>& predict_keys();
const KeyTable<SpectrumSection>& spectrum_keys();
const KeyTable<DynamicsSection>& dynamics_keys();
const KeyTable<DkmSection>& dkm_keys();

/// What has to do with more than one key of [dkm], whose table has been read from `file` into the section;
/// finds the network that its preset stands for. Throws Error(usage) with file, line and key.
void check_dkm(const toml::table& table, const std::string& file, DkmSection& dkm);

/// Calls visit(table, section) for each table of a job, in the order of the file; Job may be const.
template <class AnyJob, class Visit>
void for_each_table(AnyJob& job, Visit&& visit) {
  visit(top_keys(), job);
  visit(data_keys(), job.data);
  visit(kernel_keys(), job.kernel);
  visit(gram_keys(), job.gram);
  visit(solve_keys(), job.solve);
  visit(predict_keys(), job.predict);
  visit(spectrum_keys(), job.spectrum);
  visit(dynamics_keys(), job.dynamics);
  visit(dkm_keys(), job.dkm);
}

}  // namespace widegram::jobs
