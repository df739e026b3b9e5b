#include "jobs/gram_stage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "jobs/tile_saver.hpp"
#include "src/dist/symmetry.hpp"
#include "src/gram/symmetric_fill.hpp"
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
  std::function<void(const gram::TileComputer<Real>&, const gram::TileTask&, MatrixView<Real>)> compute;
  std::function<void(const gram::TileTask&, MatrixView<const Real>)> deliver;  ///< may be empty

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
                           std::unique_ptr<kernels::Engine<Real>> engine, const Options& options)
    : context_(context),
      problem_(problem),
      metrics_(metrics),
      grid_(dist::ProcessGrid::square(context.comm)),
      layout_(gram::choose_layout(problem.n(), context.job->gram.tile, grid_.shape())),
      engine_(std::move(engine)) {
  metrics_["kernel"]["engine"] = engine_->name();
  open_store(options);
}

template <class Real>
void GramStage<Real>::open_store(const Options& options) {
  const mpi::Communicator& comm = context_.comm;
  const std::string path = (std::filesystem::path(context_.job->output) / "gram.h5").string();
  // A file that is there but cannot be looked at is opened all the same: that names the reason.
  const bool missing =
      comm.broadcast(comm.is_root() && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT ? 1 : 0) != 0;
  if (missing) {
    if (options.needs_store) store_ = io::GramStore::create(comm, path, problem_.header);
    return;
  }
  store_writable_ = comm.broadcast(comm.is_root() && ::access(path.c_str(), W_OK) == 0 ? 1 : 0) != 0;
  store_ = io::GramStore::open(comm, path, store_writable_ ? hdf5::Access::write : hdf5::Access::read);
  const std::string difference = io::difference(store_->header(), problem_.header);
  const std::string test_difference = io::test_difference(store_->header(), problem_.header);
  store_has_tests_ = test_difference.empty();
  const bool serves = difference.empty() && (store_has_tests_ || !options.keeps_tests);
  if (serves) {
    train_provided_ = store_->done_count(io::GramPart::train) == store_->tiles(io::GramPart::train).count();
    if (!store_has_tests_ && problem_.m() > 0)
      context_.progress.note(fmt::format("{} keeps its own test block: {}", path, test_difference));
    return;
  }
  const std::string& reason = difference.empty() ? test_difference : difference;
  if (options.needs_store)
    throw mpi::CollectiveError(
        ExitCode::usage,
        fmt::format("{} holds another Gram: {}; choose another output folder, or remove the file", path,
                    reason));
  context_.progress.note(fmt::format("{} is left alone: {}", path, reason));
  store_->close();
  store_.reset();
}

template <class Real>
void GramStage<Real>::prepare_operands() {
  if (operands_.cols.samples) return;
  using gram::SampleRole;
  const auto side = [&](const io::DataSet& set, SampleRole role, const dist::BlockCyclic& map, int process) {
    return gram::prepare_side(context_.comm, *engine_, spread(set), role, map, process);
  };
  operands_.cols = side(problem_.train, SampleRole::train, layout_.cols(), grid_.col());
  operands_.rows = grid_.shape().size() == 1
                       ? operands_.cols
                       : side(problem_.train, SampleRole::train, layout_.rows(), grid_.row());
  problem_.train.inputs = {};
  if (!problem_.test) return;
  operands_.test_rows = side(*problem_.test, SampleRole::test, layout_.test_rows(problem_.m()), grid_.row());
  problem_.test->inputs = {};
}

template <class Real>
void GramStage<Real>::provide(const Part& part) {
  const mpi::Communicator& comm = context_.comm;
  const Timer timer;
  if (has_store(part.part)) deliver_stored(part);

  std::vector<gram::TileTask> missing;
  Index reused = 0;
  Index computed = 0;
  for (const gram::TileTask& task : part.tasks) {
    const bool held = stored(part.part, task);
    (held ? reused : computed) += part.entries(task);
    if (!held) missing.push_back(task);
  }
  reused = comm.sum(reused);
  computed = comm.sum(computed);
  if (reused > 0)
    context_.progress.note(fmt::format("{:<10} {} of {} entries reused from gram.h5", part.title,
                                       readable_count(static_cast<double>(reused)),
                                       readable_count(static_cast<double>(reused + computed))));
  const Timer preparation;
  if (computed > 0) prepare_operands();
  const double prepared = comm.max(preparation.seconds());
  const double worked = computed > 0 ? compute(part, missing) : 0.0;

  Json& section = metrics_[part.section];
  const double seconds = comm.max(timer.seconds());
  section["n"] = problem_.n();
  if (part.part == io::GramPart::test_train) section["m"] = problem_.m();
  section["entries"] = reused + computed;
  section["seconds"] = seconds;
  section["entries_per_second"] = static_cast<double>(computed) / seconds;
  section["reused_entries"] = reused;
  section["prepare_seconds"] = prepared;
  metrics_.spread(part.section, "rank_seconds", worked);
}

template <class Real>
void GramStage<Real>::deliver_stored(const Part& part) {
  std::vector<gram::TileTask> held;
  for (const gram::TileTask& task : part.tasks)
    if (stored(part.part, task)) held.push_back(task);
  Matrix<Real> buffer(layout_.tile, layout_.tile);
  mpi::work_through(context_.comm, static_cast<Index>(held.size()), [&](Index k) {
    const gram::TileTask& task = held[static_cast<std::size_t>(k)];
    const io::StoredTile<Real> tile{task.row, task.col, part.room(task, buffer)};
    // A damaged tile is no longer stored() afterwards, so that it is computed again.
    const bool sound = store_->template read_tiles<Real>(part.part, std::span(&tile, 1)).empty();
    if (sound && part.deliver) part.deliver(task, tile.entries);
  });
}

template <class Real>
double GramStage<Real>::compute(const Part& part, const std::vector<gram::TileTask>& missing) {
  const mpi::Communicator& comm = context_.comm;
  const gram::TileComputer<Real> computer(*engine_, context_.job->kernel.function, layout_, operands_);
  std::optional<TileSaver<Real>> saver;
  if (has_store(part.part) && store_writable_)
    saver.emplace(*store_, part.part, context_.job->gram.checkpoint_every.value);
  const auto save_the_rest = [&] {
    if (saver) saver->flush();
  };
  Matrix<Real> buffer(layout_.tile, layout_.tile);
  Phase phase(context_.progress, part.title, comm.sum(static_cast<Index>(missing.size())), "tiles");
  double worked = 0;
  try {
    worked = mpi::work_through(
        comm, static_cast<Index>(missing.size()),
        [&](Index k) {
          const gram::TileTask& task = missing[static_cast<std::size_t>(k)];
          const MatrixView<Real> out = part.room(task, buffer);
          part.compute(computer, task, out);
          if (part.deliver) part.deliver(task, out);
          if (saver) saver->add(task.row, task.col, out);
        },
        [&](Index done) { phase.update(done); });
  } catch (const mpi::CollectiveError&) {
    // One rank has failed and all stop: what this one has finished is kept, if it can be.
    mpi::capture(comm, save_the_rest);
    throw;
  }
  mpi::collectively(comm, save_the_rest);
  phase.finish();
  return worked;
}

template <class Real>
void GramStage<Real>::train(dist::DistributedMatrix<double>* matrix) {
  const gram::Schedule schedule(layout_, [&](TileIndex row, TileIndex col) {
    return has_store(io::GramPart::train) && store_->done(io::GramPart::train, row, col);
  });
  Part part{.part = io::GramPart::train,
            .title = "gram",
            .section = "gram",
            .rows = layout_.tiles(),
            .cols = layout_.tiles(),
            .tasks = schedule.tasks(context_.comm.rank()),
            .compute = [](const gram::TileComputer<Real>& computer, const gram::TileTask& task,
                          MatrixView<Real> out) { computer.train(task, out); },
            .deliver = {}};
  if (matrix != nullptr)
    part.deliver = [&](const gram::TileTask& task, MatrixView<const Real> tile) {
      gram::place_tile(*matrix, layout_, task, tile);
    };
  provide(part);
  train_provided_ = true;
  operands_.rows.samples.reset();
  if (matrix != nullptr)
    dist::mirror(*matrix, [&](TileIndex row, TileIndex col) { return !schedule.mirrored(row, col); });
}

template <class Real>
void GramStage<Real>::test(const TestConsumer& consume) {
  if (problem_.m() == 0) return;
  Part part{.part = io::GramPart::test_train,
            .title = "test block",
            .section = "test_block",
            .rows = {problem_.m(), layout_.tile},
            .cols = layout_.tiles(),
            .tasks = gram::test_tasks(layout_, problem_.m(), grid_.row(), grid_.col()),
            .compute = [](const gram::TileComputer<Real>& computer, const gram::TileTask& task,
                          MatrixView<Real> out) { computer.test(task.row, task.col, out); },
            .deliver = {}};
  if (consume)
    part.deliver = [&](const gram::TileTask& task, MatrixView<const Real> tile) {
      consume(task.row, task.col, tile);
    };
  provide(part);
  save_test_diagonal();
  test_provided_ = true;
}

template <class Real>
void GramStage<Real>::save_test_diagonal() {
  if (!has_store(io::GramPart::test_train) || !store_writable_) return;
  const mpi::Communicator& comm = context_.comm;
  const bool held = mpi::collectively(comm, [&] { return store_->read_test_diagonal().has_value(); });
  if (comm.min(held ? 1 : 0) == 1) return;
  prepare_operands();
  // Each value once: the ranks of a grid row hold the same samples.
  std::vector<double> diagonal(static_cast<std::size_t>(problem_.m()));
  const gram::Side& side = operands_.test_rows;
  if (grid_.col() == 0)
    for (Index i = 0; i < side.samples->count(); ++i)
      diagonal[static_cast<std::size_t>(side.map.to_global(i, grid_.row()))] =
          side.samples->diagonal(context_.job->kernel.function, i);
  comm.all_reduce(std::span(diagonal), MPI_SUM);
  store_->write_test_diagonal(diagonal);
}

template <class Real>
void GramStage<Real>::finish() {
  if (!store_) return;
  const bool tests_provided = store_has_tests_ && (test_provided_ || problem_.m() == 0);
  if (!store_->complete() && store_writable_ && train_provided_ && tests_provided) store_->finish();
  store_->close();
  store_.reset();
}

template class GramStage<float>;
template class GramStage<double>;

}  // namespace widegram::jobs
