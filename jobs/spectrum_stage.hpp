#pragma once

#include <string>

#include "io/spectrum_file.hpp"
#include "jobs/problem.hpp"
#include "src/dist/linear_operator.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::jobs {

/// What a job's [spectrum] asks of a Gram of n samples; the same on every rank. Throws CollectiveError(usage)
/// naming the key at fault.
void check_spectrum(const Job& job, GlobalIndex n);

/// Bytes that the stage needs for each entry of a Gram of n samples, the Gram among them; 0 where the Gram is
/// not in memory.
Index spectrum_entry_bytes(const Job& job, GlobalIndex n);

/// Collective. Eigenvalues of the training Gram (both triangles filled; its memory is taken over), all of
/// them or the largest ones as the job asks, and what follows from them: spectrum.h5 and metrics["spectrum"].
/// Throws CollectiveError as the solvers and write_spectrum() do.
void spectrum_stage(const CommandContext& context, const Problem& problem,
                    dist::DistributedMatrix<double> gram, Metrics& metrics);

/// The same on a Gram that is known by its products; the largest eigenvalues alone.
void spectrum_stage(const CommandContext& context, const Problem& problem, const dist::LinearOperator& gram,
                    Metrics& metrics);

/// spectrum.h5 of the job's output folder.
std::string spectrum_path(const Job& job);

/// A table of what a spectrum says, for people.
std::string to_text(const io::Spectrum& spectrum);

}  // namespace widegram::jobs
