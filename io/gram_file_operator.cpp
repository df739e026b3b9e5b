#include "io/gram_file_operator.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "io/read_ahead.hpp"
#include "src/base/timer.hpp"
#include "src/dist/tile_product.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

constexpr std::size_t run_bytes = std::size_t{4} << 20;
constexpr Index expected = 3;       // runs that the system is told of ahead of their reading
constexpr std::size_t buffers = 3;  // one in use, one being read, one in between

/// Chunks of tile row `row` in double: a column for each row of the tiles, so (row-major as they are) entry
/// (j, i) is that of row i and column j.
template <class Stored>
void transposed(std::span<const std::byte> chunks, const GramTiles& tiles, TileIndex row,
                Matrix<double>& out) {
  const Index edge = tiles.rows().edge;
  const auto* entries = reinterpret_cast<const Stored*>(chunks.data());
  const auto count = static_cast<Index>(chunks.size() / sizeof(Stored)) / (edge * edge);
  for (Index t = 0; t < count; ++t)
    for (Index i = 0; i < tiles.rows().range(row).size(); ++i)
      std::copy_n(entries + (t * edge + i) * edge, edge, out.column(i) + t * edge);
}

/// The tile on the diagonal of which only the lower triangle is stored.
void mirror(MatrixView<double> block) {
  for (Index i = 0; i < block.cols; ++i)
    for (Index j = 0; j < i; ++j) block(i, j) = block(j, i);
}

/// Reads one tile in double, its columns as columns.
template <class Stored>
class TileReader {
 public:
  explicit TileReader(const GramTileFile& file)
      : file_(file), chunk_(file.chunk_bytes()), block_(file.tiles().rows().edge, file.tiles().rows().edge) {}

  /// Entry (j, i) is that of row i of tile row `row` and column j of tile column `col`, row >= col.
  const Matrix<double>& read(TileIndex row, TileIndex col) {
    file_.read_checked(row, col, chunk_);
    transposed<Stored>(chunk_, file_.tiles(), row, block_);
    if (row == col) mirror(block_.view());
    return block_;
  }

 private:
  const GramTileFile& file_;
  std::vector<std::byte> chunk_;
  Matrix<double> block_;
};

Range tiles_of(const dist::Tiling& tiling, Range part) {
  return {part.begin / tiling.edge,
          part.size() == 0 ? part.begin / tiling.edge : ceil_div(part.end, tiling.edge)};
}

template <class Work>
auto with_stored(const GramStore& store, Work&& work) {
  return store.header().precision == Precision::float32 ? work(float{}) : work(double{});
}

}  // namespace

GramFileOperator::GramFileOperator(const mpi::Communicator& comm, const GramStore& store)
    : comm_(comm), store_(store), layout_{store.header().n(), comm.size(), 1}, runs_(share()) {}

std::vector<GramFileOperator::Run> GramFileOperator::share() const {
  const GramTileFile& file = store_.file(GramPart::train);
  const auto longest = std::max<Index>(1, static_cast<Index>(run_bytes / file.chunk_bytes()));
  // Every rank the same number of tiles, which follow each other in the file.
  const Range mine = dist::Partition{file.tiles().count(), comm_.size(), 1}.range(comm_.rank());
  std::vector<Run> runs;
  Index number = 0;
  for (TileIndex row = 0; row < file.tiles().rows().count(); number += row + 1, ++row) {
    const TileIndex end = std::min(row + 1, mine.end - number);
    for (TileIndex col = std::max<Index>(0, mine.begin - number); col < end;) {
      const Index tiles = std::min(longest, end - col);
      runs.push_back({row, col, tiles});
      col += tiles;
    }
  }
  return runs;
}

template <class Stored>
void GramFileOperator::stream(dist::TileProduct& product) const {
  const GramTileFile& file = store_.file(GramPart::train);
  const dist::Tiling tiling = file.tiles().rows();
  Index longest = 0;
  for (const Run& run : runs_) longest = std::max(longest, run.tiles);
  Matrix<double> block(longest * tiling.edge, tiling.edge);
  const Timer timer;
  ReadAhead reader(std::ssize(runs_), static_cast<std::size_t>(longest) * file.chunk_bytes(), buffers,
                   [&](Index k, std::span<std::byte> buffer) {
                     // The system begins with the next runs while this one is awaited: it does not guess
                     // where they are.
                     for (Index next = k + 1; next < std::min(k + 1 + expected, std::ssize(runs_)); ++next) {
                       const Run& run = runs_[static_cast<std::size_t>(next)];
                       file.expect_chunks(run.row, run.col, run.tiles);
                     }
                     const Run& run = runs_[static_cast<std::size_t>(k)];
                     const std::size_t bytes = static_cast<std::size_t>(run.tiles) * file.chunk_bytes();
                     file.read_checked(run.row, run.col, buffer.first(bytes));
                     return bytes;
                   });
  for (const Run& run : runs_) {
    const std::span<std::byte> chunks = reader.next();
    transposed<Stored>(chunks, file.tiles(), run.row, block);
    const Range rows = tiling.range(run.row);
    // Columns off the diagonal, and those of the tile on it, if the run ends there.
    const Range off{run.col * tiling.edge, std::min(run.col + run.tiles, run.row) * tiling.edge};
    const MatrixView<double> all = block.view().block({0, run.tiles * tiling.edge}, {0, rows.size()});
    if (off.size() > 0) product.add(off, rows, all.block({0, off.size()}, {0, rows.size()}));
    if (run.col + run.tiles > run.row) {
      const MatrixView<double> last = all.block({off.size(), off.size() + rows.size()}, {0, rows.size()});
      mirror(last);
      product.add_diagonal(rows, last);
    }
    traffic_.bytes += static_cast<double>(chunks.size());
  }
  traffic_.seconds += timer.seconds();
  traffic_.waited += reader.waited();
}

void GramFileOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  dist::TileProduct product(comm_, layout_, x);
  mpi::collectively(comm_,
                    [&] { with_stored(store_, [&]<class Stored>(Stored) { stream<Stored>(product); }); });
  product.finish(y);
}

template <class Stored>
std::vector<double> GramFileOperator::read_diagonal() const {
  const GramTileFile& file = store_.file(GramPart::train);
  const dist::Tiling tiling = file.tiles().rows();
  const Range mine = part();
  std::vector<double> values(static_cast<std::size_t>(mine.size()));
  TileReader<Stored> reader(file);
  const Range tiles = tiles_of(tiling, mine);
  for (TileIndex t = tiles.begin; t < tiles.end; ++t) {
    const Matrix<double>& block = reader.read(t, t);
    const Index first = t * tiling.edge;
    for (GlobalIndex i = std::max(first, mine.begin); i < std::min(first + tiling.edge, mine.end); ++i)
      values[static_cast<std::size_t>(i - mine.begin)] = block(i - first, i - first);
  }
  return values;
}

std::vector<double> GramFileOperator::diagonal() const {
  return mpi::collectively(comm_, [&] {
    return with_stored(store_, [&]<class Stored>(Stored) { return read_diagonal<Stored>(); });
  });
}

template <class Stored>
Matrix<double> GramFileOperator::read_columns(std::span<const GlobalIndex> chosen) const {
  const GramTileFile& file = store_.file(GramPart::train);
  const dist::Tiling tiling = file.tiles().rows();
  const Range mine = part();
  std::map<TileIndex, std::vector<std::size_t>> places;  // of the chosen columns, by their tile
  for (std::size_t k = 0; k < chosen.size(); ++k) places[tiling.tile_of(chosen[k])].push_back(k);
  Matrix<double> out(mine.size(), std::ssize(chosen));
  TileReader<Stored> reader(file);
  const Range tiles = tiles_of(tiling, mine);
  for (TileIndex t = tiles.begin; t < tiles.end; ++t) {
    const Index first = t * tiling.edge;
    const Range rows{std::max(first, mine.begin), std::min(first + tiling.edge, mine.end)};
    for (const auto& [col, list] : places) {
      const bool below = t >= col;
      const Matrix<double>& block = below ? reader.read(t, col) : reader.read(col, t);
      for (const std::size_t k : list) {
        const Index j = chosen[k] - col * tiling.edge;
        double* column = out.column(static_cast<Index>(k));
        for (GlobalIndex i = rows.begin; i < rows.end; ++i)
          column[i - mine.begin] = below ? block(j, i - first) : block(i - first, j);
      }
    }
  }
  return out;
}

Matrix<double> GramFileOperator::columns(std::span<const GlobalIndex> chosen) const {
  return mpi::collectively(comm_, [&] {
    return with_stored(store_, [&]<class Stored>(Stored) { return read_columns<Stored>(chosen); });
  });
}

}  // namespace widegram::io
