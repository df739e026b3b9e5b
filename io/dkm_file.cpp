#include "io/dkm_file.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <span>
#include <utility>

#include "io/dkm_header.hpp"
#include "io/matrix_dataset.hpp"
#include "io/provenance.hpp"
#include "io/read_on_root.hpp"
#include "io/result_file.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

using dist::DistributedMatrix;

std::string gram_name(Index layer) { return fmt::format("/gram/{}", layer); }

std::string state_name(Index point, bool gradient, Index layer) {
  return fmt::format("/points/{}/{}/{}", point, gradient ? "gradient" : "x", layer + 1);
}

template <class F>
void for_each_state_matrix(const DkmState& state, F&& f) {
  for (Index point = 0; point < state.points; ++point)
    for (const bool gradient : {false, true})
      for (Index layer = 0; layer < state.layers; ++layer) f(point, gradient, layer);
}

void write_model_draft(const std::string& draft, const DkmModel& model, Index block, int ranks) {
  hdf5::File file = begin_dkm_file(draft, model, ranks);
  const AttributeWriter attribute{file};
  attribute("depth", model.layers());
  attribute("iterations", model.iterations());
  attribute("gradient_norm", model.gradient_norm);
  hdf5::write_list(file, "/nu", model.nu);
  for (Index layer = 1; layer <= model.layers(); ++layer) {
    hdf5::Dataset::create<double>(file, gram_name(layer), matrix_layout(model.n, model.n, block));
    hdf5::write_attribute(file, gram_name(layer), "triangle", std::string("full"));
  }
  file.close();
}

void write_state_draft(const std::string& draft, const DkmState& state, GlobalIndex n, Index block,
                       int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  const auto put = [&](const char* name, const auto& value) {
    hdf5::write_attribute(file, "/", name, value);
  };
  put("format", std::string("widegram state of a deep kernel machine's training"));
  put("problem", state.problem);
  put("layers", state.layers);
  put("points", state.points);
  put("seconds", state.seconds);
  put("iterations", static_cast<Index>(state.objective.size()) - 1);
  write_provenance(file, current_provenance(ranks));
  hdf5::write_list(file, "/objective", state.objective);
  hdf5::write_list(file, "/learned", state.learned);
  for_each_state_matrix(state, [&](Index point, bool gradient, Index layer) {
    hdf5::Dataset::create<double>(file, state_name(point, gradient, layer), matrix_layout(n, n, block));
  });
  file.close();
}

/// The way of both files to the disk: a skeleton by the root, what the ranks hold, the seal, the name.
template <class Skeleton, class Fill>
void write_file(const DistributedMatrix<double>& like, const std::string& path, const char* kind,
                Index matrices, Skeleton&& skeleton, Fill&& fill) {
  const mpi::Communicator comm = like.grid().comm().duplicate();
  const Index padded = round_up(like.rows(), like.block());
  DraftGuard draft;
  mpi::on_root(comm, [&] {
    draft = begin_draft(path, matrices * padded * padded * Index{sizeof(double)});
    skeleton(draft_path(path));
  });
  {
    hdf5::File file = hdf5::File::open_all(comm, draft_path(path), hdf5::Access::write);
    fill(comm, file);
    mpi::collectively(comm, [&] { file.close(); });
  }
  mpi::on_root(comm, [&] {
    seal_whole(draft_path(path), kind);
    publish(path);
  });
}

std::optional<DkmModel> read_model_file(const std::string& path) {
  return read_dkm_file<DkmModel>(path, [](const hdf5::File& file, DkmModel& model) {
    AttributeReader{file}("gradient_norm", model.gradient_norm);
    model.nu = hdf5::read_list(file, "/nu");
  });
}

std::optional<DkmState> read_state_file(const std::string& path, const std::string& problem) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  require_seal(path, dkm_state_kind);
  const hdf5::File file = hdf5::File::open(path);
  // One of another problem may be of another kind of machine, too.
  if (hdf5::read_attribute<std::string>(file, "/", "problem") != problem) return std::nullopt;
  DkmState state{.problem = problem,
                 .layers = hdf5::read_attribute<std::int64_t>(file, "/", "layers"),
                 .points = hdf5::read_attribute<std::int64_t>(file, "/", "points"),
                 .objective = hdf5::read_list(file, "/objective"),
                 .learned = hdf5::read_list(file, "/learned"),
                 .seconds = hdf5::read_attribute<double>(file, "/", "seconds")};
  return state;
}

}  // namespace

void write_dkm(const std::string& path, const DkmModel& model, const DkmGram& gram,
               DistributedMatrix<double>& scratch) {
  const int ranks = scratch.grid().comm().size();
  write_file(
      scratch, path, dkm_kind, model.layers(),
      [&](const std::string& draft) { write_model_draft(draft, model, scratch.block(), ranks); },
      [&](const mpi::Communicator& comm, const hdf5::File& file) {
        for (Index layer = 1; layer <= model.layers(); ++layer) {
          gram(layer, scratch);
          mpi::collectively(
              comm, [&] { write_blocks(hdf5::Dataset(file, gram_name(layer)), scratch, Blocks::all); });
        }
      });
}

std::optional<std::string> read_dkm_problem(const mpi::Communicator& comm, const std::string& path) {
  auto problem = mpi::collectively(comm, [&]() -> std::optional<std::string> {
    if (!comm.is_root() || !std::filesystem::exists(path)) return std::nullopt;
    require_seal(path, dkm_kind);
    return hdf5::read_attribute<std::string>(hdf5::File::open(path), "/", "problem");
  });
  if (comm.max(problem ? 1 : 0) == 0) return std::nullopt;
  return comm.broadcast(problem.value_or(""));
}

std::optional<DkmModel> read_dkm(const mpi::Communicator& comm, const std::string& path) {
  using M = DkmModel;
  return read_on_root(
      comm, [&] { return read_model_file(path); }, &M::kind, &M::problem, &M::kernel, &M::train_hash,
      &M::target_hash, &M::classes, &M::encoding, &M::n, &M::nu, &M::noise, &M::jitter, &M::objective,
      &M::end, &M::tolerance, &M::gradient_norm);
}

void read_dkm_gram(const std::string& path, Index layer, DistributedMatrix<double>& into) {
  const mpi::Communicator comm = into.grid().comm().duplicate();
  hdf5::File file = hdf5::File::open_all(comm, path, hdf5::Access::read);
  mpi::collectively(comm, [&] { read_blocks(hdf5::Dataset(file, gram_name(layer)), into, Blocks::lower); });
  mpi::collectively(comm, [&] { file.close(); });
}

void write_dkm_state(const std::string& path, const DkmState& state, const DkmStateMatrix& source,
                     DistributedMatrix<double>& scratch) {
  const int ranks = scratch.grid().comm().size();
  write_file(
      scratch, path, dkm_state_kind, 2 * state.points * state.layers,
      [&](const std::string& draft) {
        write_state_draft(draft, state, scratch.rows(), scratch.block(), ranks);
      },
      [&](const mpi::Communicator& comm, const hdf5::File& file) {
        mpi::collectively(comm, [&] {
          for_each_state_matrix(state, [&](Index point, bool gradient, Index layer) {
            source(point, gradient, layer, scratch);
            write_blocks(hdf5::Dataset(file, state_name(point, gradient, layer)), scratch, Blocks::lower);
          });
        });
      });
}

std::optional<DkmState> read_dkm_state(const std::string& path, const std::string& problem,
                                       const DkmStateMatrix& sink, DistributedMatrix<double>& scratch) {
  const mpi::Communicator comm = scratch.grid().comm().duplicate();
  using S = DkmState;
  std::optional<DkmState> state = read_on_root(
      comm, [&] { return read_state_file(path, problem); }, &S::problem, &S::layers, &S::points,
      &S::objective, &S::learned, &S::seconds);
  if (!state) return std::nullopt;
  hdf5::File file = hdf5::File::open_all(comm, path, hdf5::Access::read);
  mpi::collectively(comm, [&] {
    for_each_state_matrix(*state, [&](Index point, bool gradient, Index layer) {
      read_blocks(hdf5::Dataset(file, state_name(point, gradient, layer)), scratch, Blocks::lower);
      sink(point, gradient, layer, scratch);
    });
  });
  mpi::collectively(comm, [&] { file.close(); });
  return state;
}

}  // namespace widegram::io
