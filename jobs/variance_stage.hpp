#pragma once

#include "io/model.hpp"
#include "jobs/gram_inverse.hpp"
#include "jobs/gram_stage.hpp"
#include "jobs/prediction_file.hpp"
#include "jobs/problem.hpp"

namespace widegram::jobs {

/// Collective. Provides the test x train tiles, of which `consume` hears as of GramStage::test(), a stretch
/// of test samples at a time, and works out what the model's ridge leaves unexplained: for an NNGP the
/// posterior variance, for an NTK the variance of the ensemble, with the NNGP read from its file. By the
/// factor in `train` or by its conjugate gradients; one that is still a matrix or an operator is factored or
/// preconditioned first. Adds metrics["predict"]["variance"]. Between stretches (and iterations) it can be
/// stopped; finished stretches are not kept. Beside `train` a rank holds what variance_bytes() says.
template <class Real>
Variances variance_stage(const CommandContext& context, const Problem& problem, const io::Model& model,
                         GramStage<Real>& gram, GramInverse& train,
                         const typename GramStage<Real>::TestConsumer& consume, Metrics& metrics);

/// Bytes that variances of m test samples take on the rank that holds most.
double variance_bytes(const Job& job, const gram::Layout& layout, GlobalIndex m);

extern template Variances variance_stage(const CommandContext&, const Problem&, const io::Model&,
                                         GramStage<float>&, GramInverse&,
                                         const GramStage<float>::TestConsumer&, Metrics&);
extern template Variances variance_stage(const CommandContext&, const Problem&, const io::Model&,
                                         GramStage<double>&, GramInverse&,
                                         const GramStage<double>::TestConsumer&, Metrics&);

}  // namespace widegram::jobs
