#pragma once

#include <string>
#include <vector>

#include "jobs/job.hpp"
#include "src/gram/operands.hpp"
#include "src/kernels/engine.hpp"

namespace widegram::jobs {

/// One of the Grams that a job computes in one pass: what it is, and the file of the output folder that it
/// goes to.
struct FamilyMember {
  gram::GramChoice choice;
  std::string file;
};

/// What `both` and `depths` make of a job. Each member is, file and all, the Gram of a job with that depth
/// and function alone.
struct GramFamily {
  std::vector<kernels::Network> networks;  ///< one a depth
  std::vector<FamilyMember> members;       ///< the job's own, gram.h5, first

  std::vector<gram::GramChoice> choices() const;
  std::vector<std::string> files() const;
};

GramFamily gram_family(const KernelSection& kernel);

/// How the job's training samples go together.
kernels::SampleOrder training_order(const DataSection& data);

/// "ntk", "nngp"
std::string to_string(kernels::Function function);

}  // namespace widegram::jobs
