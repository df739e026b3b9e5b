// What saving and reading a Gram cost: tiles through the store against plain parallel calls of the system for
// the same bytes, on the disk (written until they are there, read when the system has forgotten them) and in
// the system's page cache; and an assembly of the dense NTK with and without saving.
//
//   mpirun -n 2 bench_store [--n 12000] [--dense-n 12000] [--cntk-n 512] [--repeats 5] [--folder DIR]
//   [--check]
//
// One JSON line; medians over rounds in which both sides take turns. With --check: fails where writing to or
// streaming from the disk reaches less than 0.8 of the plain rate, or saving takes more than 0.03 of the
// assembly.

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
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
#include "src/mpi/work_list.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/made_up_samples.hpp"
#include "tests/support/median.hpp"

namespace {

using namespace widegram;

struct Options {
  GlobalIndex n = 12000;
  GlobalIndex dense_n = 12000;
  GlobalIndex cntk_n = 512;
  int repeats = 5;
  std::string folder = std::filesystem::temp_directory_path().string();
  bool check = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--n", options.n);
  app.add_option("--dense-n", options.dense_n);
  app.add_option("--cntk-n", options.cntk_n);
  app.add_option("--repeats", options.repeats);
  app.add_option("--folder", options.folder);
  app.add_flag("--check", options.check);
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

  /// Bytes a second over all ranks; the store's share of the plain ones.
  struct Rates {
    double plain = 0;
    double store = 0;
    double share() const { return store / plain; }
  };
  struct Figures {
    Rates write_disk, write_cache, read_disk, read_cache, product_disk, product_cache;
  };
  Figures figures() {
    std::array<std::vector<double>, 10> rounds;
    for (int round = 0; round < options_.repeats; ++round) {
      make_files(header_for(options_.n));
      const std::vector<std::pair<TileIndex, TileIndex>> mine = share();
      const double bytes = comm_.sum(static_cast<double>(mine.size() * chunk));
      const io::GramFileOperator gram(comm_, *store_);
      Matrix<double> x(gram.part().size(), 1);
      Matrix<double> y(gram.part().size(), 1);
      const auto stream = [&] { gram.apply(x.view(), y.view()); };
      double write = seconds([&] { plain(mine.size(), true); });
      rounds[0].push_back(bytes / write);
      write += seconds([&] { io::RawFile(plain_path_, O_RDWR).sync(); });
      rounds[1].push_back(bytes / write);
      write = seconds([&] { save(mine); });
      rounds[2].push_back(bytes / write);
      write += seconds([&] { store_->share(io::GramPart::train); });
      rounds[3].push_back(bytes / write);
      forget();
      rounds[4].push_back(bytes / seconds([&] { plain(mine.size(), false); }));
      rounds[5].push_back(bytes / seconds([&] { plain(mine.size(), false); }));
      rounds[6].push_back(bytes / seconds([&] { read(mine); }));
      rounds[7].push_back(bytes / seconds([&] { read(mine); }));
      forget();
      rounds[8].push_back(bytes / seconds(stream));
      rounds[9].push_back(bytes / seconds(stream));
      store_->close();
    }
    const auto rates = [&](std::size_t plain, std::size_t store) {
      return Rates{test::median(rounds[plain]), test::median(rounds[store])};
    };
    return {rates(1, 3), rates(0, 2), rates(4, 6), rates(5, 7), rates(4, 8), rates(5, 9)};
  }

  struct Assembly {
    double without = 0;
    double with = 0;
    double cost() const { return with / without - 1.0; }
  };
  /// Seconds of an assembly without and with saving.
  Assembly assembly(const kernels::Network& network, const SampleShape& shape, GlobalIndex n) {
    const auto engine = kernels::make_engine<float>(std::span(&network, 1), shape, tile);
    const dist::ProcessGrid grid = dist::ProcessGrid::square(comm_);
    const gram::Layout layout = gram::choose_layout(n, tile, grid.shape());
    const dist::Partition partition{n, comm_.size()};
    const Matrix<double> local = test::made_up_samples(shape.features(), partition.range(comm_.rank()));
    const gram::Operands operands =
        gram::prepare_training(comm_, *engine, {local.view(), partition}, layout, grid.row(), grid.col());
    const gram::TileComputer<float> computer(*engine, {gram::GramChoice{}}, layout, operands);
    const std::vector<gram::TileTask> tasks = gram::Schedule(layout).tasks(comm_.rank());
    std::vector<double> without, with;
    for (int round = 0; round < options_.repeats; ++round) {
      make_files(header_for(n));
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

  /// Tiles that are in the cache, as those are that have just been computed.
  void save(const std::vector<std::pair<TileIndex, TileIndex>>& mine) {
    const io::GramTiles& tiles = store_->tiles(io::GramPart::train);
    const Matrix<float> tile_entries(tile, tile);
    jobs::TileSaver<float> saver(*store_, io::GramPart::train, 60.0, 1);
    for (const auto& [row, col] : mine)
      saver.add(row, col,
                {tile_entries.data(), tiles.rows().range(row).size(), tiles.cols().range(col).size(), tile});
    saver.flush();
  }
  /// Neighbouring tiles together, each held to its record.
  void read(const std::vector<std::pair<TileIndex, TileIndex>>& mine) {
    const io::GramTileFile& file = store_->file(io::GramPart::train);
    std::vector<std::byte> room(std::size_t{4} << 20);
    for (std::size_t first = 0; first < mine.size();) {
      std::size_t end = first + 1;
      while (end < mine.size() && mine[end].first == mine[first].first &&
             (end - first + 1) * chunk <= room.size())
        ++end;
      file.read_checked(mine[first].first, mine[first].second, std::span(room).first((end - first) * chunk));
      first = end;
    }
  }

  /// What the system has in memory of both files.
  void forget() {
    mpi::on_root(comm_, [&] {
      for (const std::string& path : {plain_path_, store_path_}) {
        const hdf5::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        ::posix_fadvise(file.id(), 0, 0, POSIX_FADV_DONTNEED);
      }
    });
  }

  const mpi::Communicator& comm_;
  const Options& options_;
  std::string store_path_;
  std::string plain_path_;
  std::optional<io::GramStore> store_;
};

int run(const mpi::Communicator& comm, const Options& options) {
  Bench bench(comm, options);
  const Bench::Figures figures = bench.figures();
  const Bench::Assembly dense =
      bench.assembly(kernels::preset("dense", {.depth = 3}), {784, 1, 1}, options.dense_n);
  const Bench::Assembly cntk =
      bench.assembly(kernels::preset("cntk-gap", {.depth = 3}), {3, 8, 8}, options.cntk_n);
  const auto text = [](const char* name, const Bench::Rates& rates) {
    return fmt::format("\"{}\": {{\"plain\": {:.3g}, \"store\": {:.3g}, \"share\": {:.3f}}}", name,
                       rates.plain, rates.store, rates.share());
  };
  const auto cost = [](const char* name, const Bench::Assembly& assembly) {
    return fmt::format("\"{}\": {{\"without\": {:.3f}, \"with\": {:.3f}, \"saving_cost\": {:.4f}}}", name,
                       assembly.without, assembly.with, assembly.cost());
  };
  if (comm.is_root())
    fmt::print("{{\"benchmark\": \"store\", \"n\": {}, \"ranks\": {}, {}, {}, {}, {}, {}, {}, {}, {}}}\n",
               options.n, comm.size(), text("write_disk", figures.write_disk),
               text("write_cache", figures.write_cache), text("read_disk", figures.read_disk),
               text("read_cache", figures.read_cache), text("product_disk", figures.product_disk),
               text("product_cache", figures.product_cache), cost("dense", dense), cost("cntk-gap", cntk));
  const bool good = figures.write_disk.share() >= 0.8 && figures.read_disk.share() >= 0.8 &&
                    dense.cost() <= 0.03 && cntk.cost() <= 0.03;
  return options.check && !good ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) { return test::bench_main<Options>(argc, argv, "bench_store", declare, run); }
