#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/gram_file_operator.hpp"
#include "jobs/gram_family.hpp"
#include "jobs/gram_file.hpp"
#include "jobs/problem.hpp"
#include "src/dist/matrix.hpp"
#include "src/gram/operands.hpp"
#include "src/gram/recompute_operator.hpp"
#include "src/gram/schedule.hpp"

namespace widegram::jobs {

/// The part of a job that provides Gram entries, from the job's Gram files as far as they hold them, computed
/// and saved there otherwise: a tile is computed for all the files that lack it in one pass. Real: the
/// kernel's precision. Construction and all members are collective.
template <class Real>
class GramStage {
 public:
  /// Opens the family's files, or makes them; errors are those of GramFile. engine: of the family's networks.
  /// The problem's inputs are given up once they have been prepared for the engine: one copy of the data is
  /// enough.
  GramStage(const CommandContext& context, Problem& problem, Metrics& metrics,
            std::unique_ptr<kernels::Engine<Real>> engine, GramFamily family,
            const GramFile::Options& options);

  /// Provides the training Grams: in their files and, where asked, the job's own as a symmetric matrix in the
  /// precision of the solver.
  void train(dist::DistributedMatrix<double>* matrix = nullptr);

  /// Told of a test x train tile of a member of the family: its place, and entries (rows are test samples).
  using TestConsumer =
      std::function<void(std::size_t member, TileIndex row, TileIndex col, MatrixView<const Real>)>;
  /// Provides the test x train blocks, tile by tile; each rank hears of its own tiles of the first `members`.
  void test(const TestConsumer& consume = {}, std::size_t members = 1);
  /// The same for a stretch of test samples, which begins at a tile: for who works on them in between.
  /// end_test() behind the last one.
  void test(Range samples, const TestConsumer& consume, std::size_t members);
  void end_test();
  /// K(x, x) of all test samples under a member, from its file where that holds them.
  std::vector<double> test_diagonal(std::size_t member);

  /// The training Gram of a member, in its file, once train() has provided it. Valid until finish().
  io::GramFileOperator file_operator(std::size_t member = 0);
  /// The job's own, kept nowhere.
  gram::RecomputeOperator<Real> recompute_operator();

  /// Marks the files as complete where nothing is missing, and closes them.
  void finish();

  /// Seconds that this rank has spent on saving tiles so far.
  double written() const { return written_; }

  const gram::Layout& layout() const { return layout_; }
  const dist::ProcessGrid& grid() const { return grid_; }

 private:
  struct Part;  // what differs between the training triangle and the test block
  /// What has been done of a part, in one go or in stretches.
  struct Tally {
    Index reused = 0;  ///< entries, over all ranks
    Index computed = 0;
    double prepare_seconds = 0;
    double seconds = 0;
    double worked = 0;  ///< seconds of this rank
  };
  void provide(const Part& part, Tally& tally);
  void note_reused(const std::string& title, const Tally& tally);
  void write_times(const std::string& section, const Tally& tally);
  /// Reads and checks what a member's file holds of this rank's tiles, and hands them to who wants to see
  /// them.
  void deliver_stored(const Part& part, std::size_t member);
  /// Computes tiles and saves them as they are finished. Returns the seconds that this rank worked.
  double compute(const Part& part, const std::vector<gram::TileTask>& missing);
  /// What was finished is saved: ends the run on all ranks with ExitCode::stopped.
  [[noreturn]] void stop_early(const std::string& reason, const std::string& state) const;
  void prepare_operands();
  void save_test_diagonal(std::size_t member);
  std::optional<std::vector<double>> stored_test_diagonal(std::size_t member);
  std::vector<double> computed_test_diagonal(std::size_t member);
  /// Whether the tile has to be computed for this member: the first ones are `needed`, others where their
  /// file lacks it.
  bool wants(io::GramPart part, std::size_t needed, std::size_t member, TileIndex row, TileIndex col) const;
  bool wants_any(io::GramPart part, std::size_t needed, TileIndex row, TileIndex col) const;

  const CommandContext& context_;
  Problem& problem_;
  Metrics& metrics_;
  gram::Layout layout_;
  dist::ProcessGrid grid_;
  std::unique_ptr<kernels::Engine<Real>> engine_;
  GramFamily family_;
  std::vector<GramFile> files_;  ///< of the family's members, in their order
  gram::Operands operands_;
  Tally tests_;         ///< of the stretches so far
  double written_ = 0;  ///< seconds of this rank spent on saving tiles
};

extern template class GramStage<float>;
extern template class GramStage<double>;

}  // namespace widegram::jobs
