#pragma once

#include "io/model.hpp"
#include "jobs/gram_inverse.hpp"
#include "jobs/gram_stage.hpp"
#include "jobs/problem.hpp"

namespace widegram::jobs {

/// Collective. Evaluates the model on the test set, tile by tile of the test x train block, writes
/// predictions.h5 and metrics["predict"], metrics["test"]. train: what variances come from, see
/// variance_stage(); null where none are wanted. Each rank holds the outputs, M x K, and, without variances,
/// no more of the block than a tile.
template <class Real>
void predict_stage(const CommandContext& context, const Problem& problem, const io::Model& model,
                   GramStage<Real>& gram, GramInverse* train, Metrics& metrics);

extern template void predict_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<float>&,
                                   GramInverse*, Metrics&);
extern template void predict_stage(const CommandContext&, const Problem&, const io::Model&,
                                   GramStage<double>&, GramInverse*, Metrics&);

}  // namespace widegram::jobs
