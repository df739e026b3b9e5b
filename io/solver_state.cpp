#include "io/solver_state.hpp"

#include <array>
#include <filesystem>
#include <span>
#include <utility>

#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

constexpr char kind[] = "solver";

/// The state's blocks by their names in the file. A block lies there a vector a row, as it does in memory.
template <class State>
auto blocks_of(State& state) {
  return std::array{std::pair("/x", &state.x), std::pair("/directions", &state.directions),
                    std::pair("/companions", &state.companions), std::pair("/kept", &state.kept)};
}

auto values_of(auto& block) {
  return std::span(block.data(), static_cast<std::size_t>(block.rows() * block.cols()));
}

void write_draft(const std::string& draft, const SolverState& state, int ranks) {
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes});
  hdf5::write_attribute(file, "/", "format", std::string("widegram solver state"));
  hdf5::write_attribute(file, "/", "problem", state.problem);
  hdf5::write_attribute(file, "/", "iterations", state.iterations);
  write_provenance(file, current_provenance(ranks));
  for (const auto& [name, block] : blocks_of(state))
    if (block->cols() > 0)
      hdf5::Dataset::create<double>(file, name, {.shape = {block->cols(), block->rows()}})
          .template write_all<double>(values_of(*block));
  file.close();
}

std::optional<SolverState> read_file(const std::string& path, const std::string& problem) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  require_seal(path, kind);
  const hdf5::File file = hdf5::File::open(path);
  SolverState state;
  state.problem = hdf5::read_attribute<std::string>(file, "/", "problem");
  if (state.problem != problem) return std::nullopt;
  state.iterations = hdf5::read_attribute<std::int64_t>(file, "/", "iterations");
  for (const auto& [name, block] : blocks_of(state)) {
    if (!hdf5::exists(file, name)) continue;
    const hdf5::Dataset dataset(file, name);
    const std::vector<Index> shape = dataset.shape_in(2);
    *block = Matrix<double>(shape[1], shape[0]);
    dataset.read<double>({{0, 0}, {block->cols(), block->rows()}}, values_of(*block));
  }
  return state;
}

}  // namespace

void write_solver_state(const mpi::Communicator& comm, const std::string& path, const SolverState& state) {
  mpi::on_root(comm, [&] {
    Index numbers = 0;
    for (const auto& [name, block] : blocks_of(state)) numbers += block->rows() * block->cols();
    const DraftGuard draft = begin_draft(path, numbers * Index{sizeof(double)});
    write_draft(draft_path(path), state, comm.size());
    seal_whole(draft_path(path), kind);
    publish(path);
  });
}

std::optional<SolverState> read_solver_state(const mpi::Communicator& comm, const std::string& path,
                                             const std::string& problem) {
  std::optional<SolverState> state =
      mpi::collectively(comm, [&] { return comm.is_root() ? read_file(path, problem) : std::nullopt; });
  if (comm.max(state ? 1 : 0) == 0) return std::nullopt;
  if (!state) state.emplace();
  state->problem = problem;
  state->iterations = comm.broadcast(state->iterations);
  for (const auto& [name, block] : blocks_of(*state)) {
    const Index rows = comm.broadcast(block->rows());
    const Index cols = comm.broadcast(block->cols());
    if (!comm.is_root()) *block = Matrix<double>(rows, cols);
    comm.broadcast(values_of(*block));
  }
  return state;
}

bool solver_state_exists(const mpi::Communicator& comm, const std::string& path) {
  int there = 0;
  mpi::on_root(comm, [&] { there = std::filesystem::exists(path) ? 1 : 0; });
  return comm.broadcast(there) != 0;
}

void remove_solver_state(const mpi::Communicator& comm, const std::string& path) {
  mpi::on_root(comm, [&] {
    std::filesystem::remove(path);
    std::filesystem::remove(draft_path(path));
  });
}

}  // namespace widegram::io
