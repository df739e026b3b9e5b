#include "jobs/gram_stage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "jobs/tile_saver.hpp"
#include "src/dist/symmetry.hpp"
#include "src/gram/symmetric_fill.hpp"
#include "src/kernels/canonical.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/work_list.hpp"

namespace widegram::jobs {

template <class Real>
struct GramStage<Real>::Part {
  io::GramPart part;
  std::string title;                  ///< of the phase
  std::string section;                ///< of metrics.json
  dist::Tiling rows;                  ///< tiles of its row dimension
  dist::Tiling cols;                  ///< tiles of the training samples
  std::vector<gram::TileTask> tasks;  ///< of this rank
  std::function<void(const gram::TileComputer<Real>&, const gram::TileTask&,
                     std::span<const MatrixView<Real>>)>
      compute;
  std::function<void(std::size_t member, const gram::TileTask&, MatrixView<const Real>)>
      deliver;              ///< or none
  std::size_t members = 1;  ///< that are needed, whether a file takes them or not, and delivered
  bool whole = true;        ///< not a stretch of it

  Index entries(const gram::TileTask& task) const {
    const Index edge = cols.range(task.col).size();
    const bool on_diagonal = part == io::GramPart::train && task.row == task.col;
    return on_diagonal ? edge * (edge + 1) / 2 : rows.range(task.row).size() * edge;
  }
  /// Window of the tile's extent on a buffer of a whole tile.
  MatrixView<Real> room(const gram::TileTask& task, Matrix<Real>& buffer) const {
    return {buffer.data(), rows.range(task.row).size(), cols.range(task.col).size(), buffer.rows()};
  }
};

template <class Real>
GramStage<Real>::GramStage(const CommandContext& context, Problem& problem, Metrics& metrics,
                           std::unique_ptr<kernels::Engine<Real>> engine, GramFamily family,
                           const GramFile::Options& options)
    : context_(context),
      problem_(problem),
      metrics_(metrics),
      layout_(gram::choose_layout(problem.n(), context.job->gram.tile, context.comm.size())),
      grid_(dist::ProcessGrid::of(context.comm, layout_.grid)),
      engine_(std::move(engine)),
      family_(std::move(family)) {
  metrics_["kernel"]["engine"] = engine_->name();
  if (options.needs_store) metrics_["gram"]["files"] = family_.files();
  for (const FamilyMember& member : family_.members) {
    io::GramHeader header = problem_.header;
    header.kernel = kernels::canonical(family_.networks[static_cast<std::size_t>(member.choice.network)]);
    header.function = to_string(member.choice.function);
    files_.emplace_back(context_, member.file, header, options);
  }
}

template <class Real>
bool GramStage<Real>::wants(io::GramPart part, std::size_t needed, std::size_t member, TileIndex row,
                            TileIndex col) const {
  const GramFile& file = files_[member];
  return !file.holds(part, row, col) && (member < needed || file.takes(part));
}

template <class Real>
bool GramStage<Real>::wants_any(io::GramPart part, std::size_t needed, TileIndex row, TileIndex col) const {
  for (std::size_t k = 0; k < files_.size(); ++k)
    if (wants(part, needed, k, row, col)) return true;
  return false;
}

template <class Real>
void GramStage<Real>::prepare_operands() {
  if (operands_.cols.samples) return;
  const gram::SpreadSamples training = spread(problem_.train, training_order(context_.job->data));
  operands_ = gram::prepare_training(context_.comm, *engine_, training, layout_, grid_.row(), grid_.col());
  // A Gram that is computed anew asks for the inputs of chosen columns, too.
  if (context_.job->gram.mode != GramMode::recompute) problem_.train.inputs = {};
  if (!problem_.test) return;
  operands_.test_rows =
      gram::prepare_side(context_.comm, *engine_, spread(*problem_.test, kernels::SampleOrder::single),
                         gram::SampleRole::test, layout_.test_rows(problem_.m()), grid_.row());
  problem_.test->inputs = {};
}

template <class Real>
void GramStage<Real>::provide(const Part& part, Tally& tally) {
  const mpi::Communicator& comm = context_.comm;
  const Timer timer;
  for (std::size_t k = 0; k < files_.size(); ++k)
    if (files_[k].serves(part.part)) deliver_stored(part, k);

  std::vector<gram::TileTask> missing;
  Index reused = 0;
  Index computed = 0;
  for (const gram::TileTask& task : part.tasks) {
    const bool wanted = wants_any(part.part, part.members, task.row, task.col);
    (wanted ? computed : reused) += part.entries(task);
    if (wanted) missing.push_back(task);
  }
  computed = comm.sum(computed);
  tally.reused += comm.sum(reused);
  tally.computed += computed;
  if (part.whole) note_reused(part.title, tally);
  const Timer preparation;
  if (computed > 0) prepare_operands();
  tally.prepare_seconds += comm.max(preparation.seconds());
  Json& section = metrics_[part.section];
  section["n"] = problem_.n();
  if (part.part == io::GramPart::test_train) section["m"] = problem_.m();
  section["entries"] = tally.reused + tally.computed;
  section["reused_entries"] = tally.reused;
  section["prepare_seconds"] = tally.prepare_seconds;
  if (computed > 0) tally.worked += compute(part, missing);
  tally.seconds += comm.max(timer.seconds());
}

template <class Real>
void GramStage<Real>::note_reused(const std::string& title, const Tally& tally) {
  if (tally.reused == 0) return;
  context_.progress.note(fmt::format(
      "{:<10} {} of {} entries reused from {}", title, readable_count(static_cast<double>(tally.reused)),
      readable_count(static_cast<double>(tally.reused + tally.computed)), fmt::join(family_.files(), ", ")));
}

template <class Real>
void GramStage<Real>::write_times(const std::string& name, const Tally& tally) {
  Json& section = metrics_[name];
  section["seconds"] = tally.seconds;
  section["entries_per_second"] = static_cast<double>(tally.computed) / tally.seconds;
  metrics_.spread(name, "rank_seconds", tally.worked);
}

template <class Real>
void GramStage<Real>::deliver_stored(const Part& part, std::size_t member) {
  GramFile& file = files_[member];
  std::vector<gram::TileTask> held;
  for (const gram::TileTask& task : part.tasks)
    if (file.holds(part.part, task.row, task.col)) held.push_back(task);
  Matrix<Real> buffer(layout_.tile, layout_.tile);
  Index damaged = 0;
  const auto deliver = [&](Index k) {
    const gram::TileTask& task = held[static_cast<std::size_t>(k)];
    const io::StoredTile<Real> tile{task.row, task.col, part.room(task, buffer)};
    // A damaged tile is no longer held afterwards, so that it is computed again.
    const bool sound = file.store().template read_tiles<Real>(part.part, std::span(&tile, 1)).empty();
    damaged += sound ? 0 : 1;
    if (sound && member < part.members && part.deliver) part.deliver(member, task, tile.entries);
  };
  const mpi::WorkDone done =
      mpi::work_through(context_.comm, static_cast<Index>(held.size()), deliver, {.stop = &context_.stop});
  damaged = context_.comm.sum(damaged);
  if (damaged > 0)
    context_.progress.warn(fmt::format("{}: {} damaged tile{} of {} {} computed again",
                                       family_.members[member].file, damaged, damaged == 1 ? "" : "s",
                                       io::dataset_name(part.part), damaged == 1 ? "is" : "are"));
  if (!done.stopped.empty()) stop_early(done.stopped, part.title + ": nothing was computed yet");
}

template <class Real>
double GramStage<Real>::compute(const Part& part, const std::vector<gram::TileTask>& missing) {
  const mpi::Communicator& comm = context_.comm;
  const gram::TileComputer<Real> computer(*engine_, family_.choices(), layout_, operands_);
  const std::size_t members = files_.size();
  std::vector<std::optional<TileSaver<Real>>> savers(members);
  for (std::size_t k = 0; k < members; ++k)
    if (files_[k].takes(part.part))
      savers[k].emplace(files_[k].store(), part.part, context_.job->gram.checkpoint_every.value, members);
  const auto save_the_rest = [&] {
    for (auto& saver : savers)
      if (saver) saver->flush();
  };
  std::vector<Matrix<Real>> buffers(members, Matrix<Real>(layout_.tile, layout_.tile));
  std::vector<MatrixView<Real>> tiles(members);
  Phase phase(context_.progress, part.title, comm.sum(static_cast<Index>(missing.size())), "tiles");
  mpi::WorkDone done;
  Index here = 0;
  try {
    done = mpi::work_through(
        comm, static_cast<Index>(missing.size()),
        [&](Index k) {
          const gram::TileTask& task = missing[static_cast<std::size_t>(k)];
          for (std::size_t k = 0; k < members; ++k)
            tiles[k] = wants(part.part, part.members, k, task.row, task.col) ? part.room(task, buffers[k])
                                                                             : MatrixView<Real>();
          part.compute(computer, task, tiles);
          // What a file holds has been delivered from there.
          for (std::size_t k = 0; k < part.members && part.deliver; ++k)
            if (!tiles[k].empty()) part.deliver(k, task, tiles[k]);
          for (std::size_t k = 0; k < members; ++k)
            if (savers[k] && !tiles[k].empty()) savers[k]->add(task.row, task.col, tiles[k]);
          ++here;
          if (context_.stop.hurries()) save_the_rest();
        },
        {.observe = [&](Index tiles_done) { phase.update(tiles_done); }, .stop = &context_.stop});
  } catch (const mpi::CollectiveError&) {
    // One rank has failed and all stop: what this one has finished is kept, if it can be.
    mpi::capture(comm, save_the_rest);
    throw;
  }
  mpi::collectively(comm, save_the_rest);
  for (const auto& saver : savers)
    if (saver) written_ += saver->seconds();
  if (!done.stopped.empty()) {
    const Index all = comm.sum(here);
    metrics_[part.section]["computed_tiles"] = all;
    const bool kept =
        std::any_of(savers.begin(), savers.end(), [](const auto& saver) { return saver.has_value(); });
    stop_early(done.stopped,
               fmt::format("{}: {} of {} tiles computed {}", part.title, all, phase.total(),
                           kept ? "and saved" : "that no file keeps: the next run computes them again"));
  }
  phase.finish();
  return done.seconds;
}

template <class Real>
void GramStage<Real>::stop_early(const std::string& reason, const std::string& state) const {
  throw mpi::CollectiveError(
      ExitCode::stopped,
      fmt::format("stopped early ({}): {}; run the same command again to go on", reason, state));
}

template <class Real>
void GramStage<Real>::train(dist::DistributedMatrix<double>* matrix) {
  const PhaseClock clock;
  const gram::Schedule schedule(
      layout_, [&](TileIndex row, TileIndex col) { return !wants_any(io::GramPart::train, 1, row, col); });
  Part part{.part = io::GramPart::train,
            .title = "gram",
            .section = "gram",
            .rows = layout_.tiles(),
            .cols = layout_.tiles(),
            .tasks = schedule.tasks(context_.comm.rank()),
            .compute = [](const gram::TileComputer<Real>& computer, const gram::TileTask& task,
                          std::span<const MatrixView<Real>> out) { computer.train(task, out); },
            .deliver = {}};
  if (matrix != nullptr)
    part.deliver = [&](std::size_t, const gram::TileTask& task, MatrixView<const Real> tile) {
      gram::place_tile(*matrix, layout_, task, tile);
    };
  Tally tally;
  provide(part, tally);
  write_times(part.section, tally);
  for (GramFile& file : files_) file.set_provided(part.part);
  operands_.rows.samples.reset();
  if (matrix != nullptr)
    dist::mirror(*matrix, [&](TileIndex row, TileIndex col) { return !schedule.mirrored(row, col); });
  metrics_.phase("assembly", clock, written_);
}

template <class Real>
void GramStage<Real>::test(const TestConsumer& consume, std::size_t members) {
  if (problem_.m() == 0) return;
  test({0, problem_.m()}, consume, members);
  end_test();
}

template <class Real>
void GramStage<Real>::test(Range samples, const TestConsumer& consume, std::size_t members) {
  Part part{.part = io::GramPart::test_train,
            .title = "test block",
            .section = "test_block",
            .rows = {problem_.m(), layout_.tile},
            .cols = layout_.tiles(),
            .tasks = gram::test_tasks(layout_, problem_.m(), grid_.row(), grid_.col()),
            .compute = [](const gram::TileComputer<Real>& computer, const gram::TileTask& task,
                          std::span<const MatrixView<Real>> out) { computer.test(task, out); },
            .deliver = {},
            .members = members,
            .whole = samples.size() == problem_.m()};
  std::erase_if(part.tasks, [&](const gram::TileTask& task) {
    const GlobalIndex first = task.row * layout_.tile;
    return first < samples.begin || first >= samples.end;
  });
  if (consume)
    part.deliver = [&](std::size_t member, const gram::TileTask& task, MatrixView<const Real> tile) {
      consume(member, task.row, task.col, tile);
    };
  provide(part, tests_);
  if (!part.whole && samples.end == problem_.m()) note_reused(part.title, tests_);
}

template <class Real>
void GramStage<Real>::end_test() {
  write_times("test_block", tests_);
  for (GramFile& file : files_) file.set_provided(io::GramPart::test_train);
  for (std::size_t k = 0; k < files_.size(); ++k)
    if (files_[k].takes(io::GramPart::test_train)) save_test_diagonal(k);
}

template <class Real>
std::vector<double> GramStage<Real>::test_diagonal(std::size_t member) {
  std::optional<std::vector<double>> stored;
  if (files_[member].serves(io::GramPart::test_train)) stored = stored_test_diagonal(member);
  return stored ? *stored : computed_test_diagonal(member);
}

/// Nothing on every rank where one lacks it.
template <class Real>
std::optional<std::vector<double>> GramStage<Real>::stored_test_diagonal(std::size_t member) {
  const mpi::Communicator& comm = context_.comm;
  auto held = mpi::collectively(comm, [&] { return files_[member].store().read_test_diagonal(); });
  if (comm.min(held ? 1 : 0) == 0) held.reset();
  return held;
}

template <class Real>
std::vector<double> GramStage<Real>::computed_test_diagonal(std::size_t member) {
  const gram::GramChoice& gram = family_.members[member].choice;
  prepare_operands();
  // Each value once: the ranks of a grid row hold the same samples.
  std::vector<double> diagonal(static_cast<std::size_t>(problem_.m()));
  const gram::Side& side = operands_.test_rows;
  if (grid_.col() == 0)
    for (Index i = 0; i < side.samples->count(); ++i)
      diagonal[static_cast<std::size_t>(side.map.to_global(i, grid_.row()))] =
          side.samples->diagonal(gram.function, i, gram.network);
  context_.comm.all_reduce(std::span(diagonal), MPI_SUM);
  return diagonal;
}

template <class Real>
void GramStage<Real>::save_test_diagonal(std::size_t member) {
  if (stored_test_diagonal(member)) return;
  files_[member].store().write_test_diagonal(computed_test_diagonal(member));
}

template <class Real>
io::GramFileOperator GramStage<Real>::file_operator(std::size_t member) {
  io::GramStore& store = files_[member].store();
  store.share(io::GramPart::train);
  return {context_.comm, store};
}

template <class Real>
gram::RecomputeOperator<Real> GramStage<Real>::recompute_operator() {
  prepare_operands();
  return {context_.comm,
          *engine_,
          family_.members.front().choice,
          spread(problem_.train, training_order(context_.job->data)),
          layout_,
          operands_,
          context_.stop};
}

template <class Real>
void GramStage<Real>::finish() {
  const PhaseClock clock;
  for (GramFile& file : files_) file.finish();
  metrics_.phase("writing", clock, -written_);
}

template class GramStage<float>;
template class GramStage<double>;

}  // namespace widegram::jobs
