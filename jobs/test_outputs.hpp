#pragma once

#include <functional>

#include "jobs/gram_stage.hpp"
#include "jobs/problem.hpp"

namespace widegram::jobs {

/// Goes over the test x train block, or what else comes with it, and hands its tiles on.
template <class Real>
using TestPass = std::function<void(const typename GramStage<Real>::TestConsumer&)>;

/// Collective. K(test, train) alpha, M x C on every rank, tile by tile of the test x train block: one pass
/// for all columns of alpha (N x C, the same on every rank). Each rank holds no more of the block than a
/// tile. pass: goes over the block in place of gram.test().
template <class Real>
Matrix<double> test_outputs(const CommandContext& context, const Problem& problem,
                            MatrixView<const double> alpha, GramStage<Real>& gram,
                            const TestPass<Real>& pass = {});

extern template Matrix<double> test_outputs(const CommandContext&, const Problem&, MatrixView<const double>,
                                            GramStage<float>&, const TestPass<float>&);
extern template Matrix<double> test_outputs(const CommandContext&, const Problem&, MatrixView<const double>,
                                            GramStage<double>&, const TestPass<double>&);

}  // namespace widegram::jobs
