#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/gram_store.hpp"
#include "jobs/problem.hpp"
#include "src/dist/matrix.hpp"
#include "src/gram/operands.hpp"
#include "src/gram/schedule.hpp"

namespace widegram::jobs {

/// The part of a job that provides Gram entries, from the job's gram.h5 as far as it holds them, computed and
/// saved there otherwise. Real: the kernel's precision. Construction and all members are collective.
template <class Real>
class GramStage {
 public:
  struct Options {
    bool keeps_tests = false;  ///< the test x train block must end up in the store
    bool needs_store = true;   ///< make the store where there is none, and refuse another Gram's
  };

  /// Opens the store, or makes it. A store with other test samples serves for the training Gram where the
  /// test block need not be kept; one that may only be read is read. Throws CollectiveError(usage) naming the
  /// difference where it must be refused. The problem's inputs are given up once they have been prepared for
  /// the engine: one copy of the data is enough.
  GramStage(const CommandContext& context, Problem& problem, Metrics& metrics,
            std::unique_ptr<kernels::Engine<Real>> engine, const Options& options);

  /// Provides the training Gram: in the store and, where asked, as a symmetric matrix in the precision of the
  /// solver.
  void train(dist::DistributedMatrix<double>* matrix = nullptr);

  /// Told of a test x train tile: its place, and entries (rows are test samples).
  using TestConsumer = std::function<void(TileIndex row, TileIndex col, MatrixView<const Real>)>;
  /// Provides the test x train block, tile by tile; each rank hears of its own tiles.
  void test(const TestConsumer& consume = {});

  /// Marks the store as complete where nothing is missing, and closes it.
  void finish();

  const gram::Layout& layout() const { return layout_; }
  const dist::ProcessGrid& grid() const { return grid_; }

 private:
  struct Part;  // what differs between the training triangle and the test block
  void provide(const Part& part);
  /// Reads and checks what the store holds of this rank's tiles, and hands it to those who want to see it.
  void deliver_stored(const Part& part);
  /// Computes tiles and saves them as they are finished. Returns the seconds that this rank worked.
  double compute(const Part& part, const std::vector<gram::TileTask>& missing);
  void open_store(const Options& options);
  void prepare_operands();
  void save_test_diagonal();
  /// Whether the store is that of this job's samples, for this part.
  bool has_store(io::GramPart part) const {
    return store_ && (part == io::GramPart::train || store_has_tests_);
  }
  bool stored(io::GramPart part, const gram::TileTask& task) const {
    return has_store(part) && store_->done(part, task.row, task.col);
  }

  const CommandContext& context_;
  Problem& problem_;
  Metrics& metrics_;
  dist::ProcessGrid grid_;
  gram::Layout layout_;
  std::unique_ptr<kernels::Engine<Real>> engine_;
  std::optional<io::GramStore> store_;
  bool store_has_tests_ = true;
  bool store_writable_ = true;
  gram::Operands operands_;
  bool train_provided_ = false;
  bool test_provided_ = false;
};

extern template class GramStage<float>;
extern template class GramStage<double>;

}  // namespace widegram::jobs
