// What saving and reading a Gram cost: tiles through the store against plain parallel calls of the system for
// the same bytes, and an assembly with and without saving.
//
//   mpirun -n 2 bench_store [--n 12000] [--dense-n 6000] [--repeats 5] [--folder DIR] [--check]
//
// One JSON line; medians over rounds in which both sides take turns, all in the page cache. With --check:
// fails where writing or streaming reaches less than 0.8 of the plain rate, or saving takes more than 0.03 of
// the assembly.

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/gram_file_operator.hpp"
#include "io/gram_store.hpp"
#include "io/raw_file.hpp"
#include "jobs/tile_saver.hpp"
#include "src/base/fingerprint.hpp"
#include "src/base/matrix.hpp"
#include "src/base/timer.hpp"
#include "src/dist/process_grid.hpp"
#include "src/gram/operands.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/session.hpp"
#include "src/mpi/work_list.hpp"
#include "tests/support/made_up_samples.hpp"
#include "tests/support/median.hpp"

namespace {

using namespace widegram;

struct Options {
  GlobalIndex n = 12000;
  GlobalIndex dense_n = 6000;
  int repeats = 5;
  std::string folder = std::filesystem::temp_directory_path().string();
  bool check = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--check") {
      options.check = true;
      continue;
    }
    if (i + 1 == argc) throw Error(ExitCode::usage, "unknown option, or no value after it: " + word);
    const std::string value = argv[++i];
    if (word == "--n")
      options.n = std::stol(value);
    else if (word == "--dense-n")
      options.dense_n = std::stol(value);
    else if (word == "--repeats")
      options.repeats = std::stoi(value);
    else if (word == "--folder")
      options.folder = value;
    else
      throw Error(ExitCode::usage, "unknown option " + word);
  }
  return options;
}

io::GramHeader header_for(GlobalIndex n) {
  io::GramHeader header{.kernel = "bench",
                        .function = "ntk",
                        .sample_shape = {1, 1, 1},
                        .train_samples = {},
                        .test_samples = {}};
  for (Index i = 0; i < n; ++i) header.train_samples.push_back(checksum(&i, sizeof i));
  return header;
}

class Bench {
 public:
  Bench(const mpi::Communicator& comm, const Options& options)
      : comm_(comm),
        options_(options),
        store_path_(options.folder + "/bench_store.h5"),
        plain_path_(options.folder + "/bench_store.raw") {}
  ~Bench() {
    if (!comm_.is_root()) return;
    std::error_code ignored;
    std::filesystem::remove(store_path_, ignored);
    std::filesystem::remove(plain_path_, ignored);
  }

  struct Rates {
    double write_plain = 0;
    double write_store = 0;
    double read_plain = 0;
    double read_tiles = 0;
    double stream = 0;
  };
  /// Bytes a second over all ranks.
  Rates rates() {
    std::vector<double> write_plain, write_store, read_plain, read_tiles, stream;
    for (int round = 0; round < options_.repeats; ++round) {
      make_files(header_for(options_.n));
      const std::vector<std::pair<TileIndex, TileIndex>> mine = share();
      const double bytes = comm_.sum(static_cast<double>(mine.size() * chunk));
      const auto rate = [&](const std::function<void()>& work) { return bytes / seconds(work); };
      write_plain.push_back(rate([&] { plain(mine.size(), true); }));
      write_store.push_back(rate([&] { write(mine); }));
      store_->share(io::GramPart::train);
      read_plain.push_back(rate([&] { plain(mine.size(), false); }));
      read_tiles.push_back(rate([&] { read(mine); }));
      const io::GramFileOperator gram(comm_, *store_);
      Matrix<double> x(gram.part().size(), 1);
      Matrix<double> y(gram.part().size(), 1);
      stream.push_back(rate([&] { gram.apply(x.view(), y.view()); }));
      store_->close();
    }
    using test::median;
    return {median(write_plain), median(write_store), median(read_plain), median(read_tiles), median(stream)};
  }

  /// Seconds of an assembly of the dense NTK without and with saving.
  std::pair<double, double> assembly() {
    const kernels::Network network = kernels::preset("dense", {.depth = 3});
    const SampleShape shape{784, 1, 1};
    const auto engine = kernels::make_engine<float>(std::span(&network, 1), shape, tile);
    const dist::ProcessGrid grid = dist::ProcessGrid::square(comm_);
    const gram::Layout layout = gram::choose_layout(options_.dense_n, tile, grid.shape());
    const dist::Partition partition{options_.dense_n, comm_.size()};
    const Matrix<double> local = test::made_up_samples(784, partition.range(comm_.rank()));
    const gram::Operands operands =
        gram::prepare_training(comm_, *engine, {local.view(), partition}, layout, grid.row(), grid.col());
    const gram::TileComputer<float> computer(*engine, {gram::GramChoice{}}, layout, operands);
    const std::vector<gram::TileTask> tasks = gram::Schedule(layout).tasks(comm_.rank());
    std::vector<double> without, with;
    for (int round = 0; round < options_.repeats; ++round) {
      make_files(header_for(options_.dense_n));
      Matrix<float> buffer(tile, tile);
      const auto assemble = [&](jobs::TileSaver<float>* saver) {
        mpi::work_through(comm_, std::ssize(tasks), [&](Index k) {
          const gram::TileTask& task = tasks[static_cast<std::size_t>(k)];
          const MatrixView<float> out(buffer.data(), layout.tiles().range(task.row).size(),
                                      layout.tiles().range(task.col).size(), tile);
          computer.train(task, std::span(&out, 1));
          if (saver != nullptr) saver->add(task.row, task.col, out);
        });
        if (saver != nullptr) saver->flush();
      };
      without.push_back(seconds([&] { assemble(nullptr); }));
      with.push_back(seconds([&] {
        jobs::TileSaver<float> saver(*store_, io::GramPart::train, 60.0, 1);
        assemble(&saver);
      }));
      store_->close();
    }
    return {test::median(without), test::median(with)};
  }

 private:
  static constexpr Index tile = 64;
  static constexpr std::size_t chunk = static_cast<std::size_t>(tile * tile) * sizeof(float);
  static constexpr std::size_t batch = std::size_t{1} << 20;

  double seconds(const std::function<void()>& work) {
    comm_.barrier();
    const Timer timer;
    work();
    comm_.barrier();
    return comm_.max(timer.seconds());
  }

  void make_files(const io::GramHeader& header) {
    mpi::on_root(comm_, [&] {
      std::filesystem::remove(store_path_);
      std::filesystem::remove(plain_path_);
      std::ofstream(plain_path_) << "";
    });
    store_.emplace(io::GramStore::create(comm_, store_path_, header));
  }

  std::vector<std::pair<TileIndex, TileIndex>> share() const {
    const io::GramTiles& tiles = store_->tiles(io::GramPart::train);
    const Range range = dist::Partition{tiles.count(), comm_.size(), 1}.range(comm_.rank());
    std::vector<std::pair<TileIndex, TileIndex>> mine;
    for (TileIndex row = 0; row < tiles.rows().count(); ++row)
      for (TileIndex col = 0; col <= row; ++col)
        if (const Index number = tiles.number(row, col); number >= range.begin && number < range.end)
          mine.emplace_back(row, col);
    return mine;
  }

  /// A megabyte a call, each rank its own part of one file.
  void plain(std::size_t tiles, bool writing) {
    constexpr std::size_t piece = std::size_t{1} << 20;
    const std::size_t bytes = tiles * chunk;
    const Index begin = comm_.rank() * static_cast<Index>(comm_.max(static_cast<Index>(bytes)));
    const io::RawFile file(plain_path_, writing ? O_RDWR : O_RDONLY);
    std::vector<std::byte> buffer(piece);
    for (std::size_t at = 0; at < bytes; at += piece) {
      const auto part = std::span(buffer).first(std::min(piece, bytes - at));
      if (writing)
        file.write(part, begin + static_cast<Index>(at));
      else
        file.read(part, begin + static_cast<Index>(at));
    }
  }

  template <class F>
  void in_batches(const std::vector<std::pair<TileIndex, TileIndex>>& mine, F&& work) {
    const io::GramTiles& tiles = store_->tiles(io::GramPart::train);
    const std::size_t at_once = batch / chunk;
    Matrix<float> room(tile * tile, static_cast<Index>(at_once));
    for (std::size_t first = 0; first < mine.size(); first += at_once) {
      std::vector<io::StoredTile<float>> list;
      for (std::size_t k = first; k < std::min(mine.size(), first + at_once); ++k)
        list.push_back({mine[k].first,
                        mine[k].second,
                        {room.column(static_cast<Index>(k - first)), tiles.rows().range(mine[k].first).size(),
                         tiles.cols().range(mine[k].second).size()}});
      work(list);
    }
  }
  /// Tiles that are in the cache, as those are that have just been computed.
  void write(const std::vector<std::pair<TileIndex, TileIndex>>& mine) {
    const io::GramTiles& tiles = store_->tiles(io::GramPart::train);
    const Matrix<float> tile_entries(tile, tile);
    jobs::TileSaver<float> saver(*store_, io::GramPart::train, 60.0, 1);
    for (const auto& [row, col] : mine)
      saver.add(row, col,
                {tile_entries.data(), tiles.rows().range(row).size(), tiles.cols().range(col).size(), tile});
    saver.flush();
  }
  void read(const std::vector<std::pair<TileIndex, TileIndex>>& mine) {
    in_batches(mine, [&](const auto& list) { store_->read_tiles<float>(io::GramPart::train, list); });
  }

  const mpi::Communicator& comm_;
  const Options& options_;
  std::string store_path_;
  std::string plain_path_;
  std::optional<io::GramStore> store_;
};

int run(const mpi::Communicator& comm, const Options& options) {
  Bench bench(comm, options);
  const Bench::Rates rates = bench.rates();
  const auto [without, with] = bench.assembly();
  const double write_share = rates.write_store / rates.write_plain;
  const double read_share = rates.read_tiles / rates.read_plain;
  const double stream_share = rates.stream / rates.read_plain;
  const double cost = with / without - 1.0;
  if (comm.is_root())
    fmt::print(
        "{{\"benchmark\": \"store\", \"n\": {}, \"ranks\": {}, \"write_plain\": {:.3g}, \"write_store\": "
        "{:.3g}, "
        "\"write_share\": {:.3f}, \"read_plain\": {:.3g}, \"read_tiles\": {:.3g}, \"read_share\": {:.3f}, "
        "\"stream\": "
        "{:.3g}, \"stream_share\": {:.3f}, \"assembly\": {:.3f}, \"assembly_saving\": {:.3f}, "
        "\"saving_cost\": {:.4f}}}\n",
        options.n, comm.size(), rates.write_plain, rates.write_store, write_share, rates.read_plain,
        rates.read_tiles, read_share, rates.stream, stream_share, without, with, cost);
  const bool good = write_share >= 0.8 && read_share >= 0.8 && cost <= 0.03;
  return options.check && !good ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const mpi::Session session;
  const mpi::Communicator comm = mpi::Communicator::world();
  try {
    return run(comm, parse(argc, argv));
  } catch (const Error& e) {
    if (comm.is_root()) fmt::print(stderr, "bench_store: {}\n", e.what());
    return static_cast<int>(e.code());
  }
}
