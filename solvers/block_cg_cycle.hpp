#pragma once

#include <span>
#include <vector>

#include "solvers/block_algebra.hpp"
#include "solvers/block_cg.hpp"
#include "src/base/timer.hpp"

namespace widegram::solvers {

/// The columns of a block solve and how far they are. The same bits on every rank.
struct BlockColumns {
  std::vector<double> sizes;      ///< |b|
  std::vector<double> targets;    ///< what the residual has to come down to
  std::vector<double> floors;     ///< what the recurrence drives it down to
  std::vector<double> residuals;  ///< true, or by recurrence within a cycle

  bool done(Index column) const {
    const auto j = static_cast<std::size_t>(column);
    return residuals[j] <= targets[j];
  }
};

/// Block conjugate gradients from one true residual until the recurrence says that all columns are done. See
/// block_cg(), whose inner part this is.
class BlockCgCycle {
 public:
  BlockCgCycle(const BlockSystem& system, const BlockCgLimits& limits, const BlockCgHooks& hooks,
               BlockColumns& columns, MatrixView<double> x)
      : system_(system), limits_(limits), hooks_(hooks), columns_(columns), x_(x) {}

  /// Goes on with the directions of a state; its x is the caller's business.
  void resume(const BlockCgState& state);
  /// r: b - A x. Returns `converged` where the recurrence has all columns done, `stagnated` where no
  /// direction is left; x and the columns' residuals are up to date.
  BlockCgStatus run(const Matrix<double>& r);
  Index iterations() const { return iterations_; }
  /// Hands the state to the hook.
  void save();
  void forget_directions();

 private:
  /// What the new residuals have in common with the last directions' images, and what the ranks want.
  struct Ahead {
    BlockCgStatus status = BlockCgStatus::converged;
    Matrix<double> s{};           ///< the new q times s is the old q
    Matrix<double> along{};       ///< w^T z
    Matrix<double> along_kept{};  ///< kept_products^T z
    bool stop = false;
    bool save = false;
  };

  void begin(const Matrix<double>& r);
  void widen();
  BlockCgStatus iterate();
  Ahead orthonormalise(const Matrix<double>& w);
  void note_norms(const Matrix<double>& gram);
  void drop_done_columns();
  void set_aside(Matrix<double>& w, Matrix<double>& delta, Matrix<double>& p_q);
  Matrix<double> companions() const;
  Matrix<double> multiply(const Matrix<double>& x) const;
  void report() const;

  const BlockSystem& system_;
  const BlockCgLimits& limits_;
  const BlockCgHooks& hooks_;
  BlockColumns& columns_;
  MatrixView<double> x_;
  Index iterations_ = 0;
  Timer since_save_;

  std::vector<Index> active_;  ///< columns that are not done
  Matrix<double> q_;           ///< n x r; q c_ is the residual of the active columns
  Matrix<double> z_;           ///< M^-1 q
  Matrix<double> c_;           ///< r x active; less than r where others go along
  Matrix<double> companions_;  ///< of a state, until it has gone on
  Matrix<double> p_;           ///< directions of the next iteration
  bool matched_ = false;       ///< whether p^T q = I, as it is but for directions that came from outside
  Matrix<double> kept_;        ///< directions that were set aside, A-orthonormal
  Matrix<double> kept_products_;
};

}  // namespace widegram::solvers
