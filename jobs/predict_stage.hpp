#pragma once

#include "io/model.hpp"
#include "jobs/gram_stage.hpp"
#include "jobs/problem.hpp"

namespace widegram::jobs {

/// Collective. Evaluates the model on the test set, tile by tile of the test x train block, writes
/// predictions.h5 and metrics["predict"], metrics["test"]. Each rank holds the outputs, M x K, and no more of
/// the block than a tile.
template <class Real>
void predict_stage(const CommandContext& context, const Problem& problem, const io::Model& model,
                   GramStage<Real>& gram, Metrics& metrics);

extern template void predict_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<float>&,
                                   Metrics&);
extern template void predict_stage(const CommandContext&, const Problem&, const io::Model&,
                                   GramStage<double>&, Metrics&);

}  // namespace widegram::jobs
