#include "io/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include "io/file_checks.hpp"
#include "io/gram_store_skeleton.hpp"
#include "io/gram_store_tiles.hpp"
#include "io/result_file.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

enum Finding : std::uint8_t { good, missing, damaged };

/// Of every square of the matrix, row by row; each rank looks at every size-th.
std::vector<std::uint8_t> find_in_part(const mpi::Communicator& comm, const GramTileFile& file) {
  const GramTiles& tiles = file.tiles();
  const Index cols = tiles.cols().count();
  std::vector<std::uint8_t> findings(static_cast<std::size_t>(tiles.rows().count() * cols), good);
  mpi::collectively(comm, [&] {
    std::vector<std::byte> chunk(file.chunk_bytes());
    for (Index k = comm.rank(); k < static_cast<Index>(findings.size()); k += comm.size()) {
      const TileIndex row = k / cols;
      const TileIndex col = k % cols;
      std::uint8_t& finding = findings[static_cast<std::size_t>(k)];
      if (tiles.holds(row, col) && file.record(row, col) == 0) {
        finding = missing;
        continue;
      }
      file.read_chunks(row, col, chunk);
      const bool whole = tiles.holds(row, col) ? file.record_of(row, col, chunk) == file.record(row, col)
                                               : std::all_of(chunk.begin(), chunk.end(),
                                                             [](std::byte b) { return b == std::byte{0}; });
      if (!whole) finding = damaged;
    }
  });
  comm.all_reduce(std::span(findings), MPI_MAX);
  return findings;
}

std::string unused_square(TileIndex row, TileIndex col) {
  return fmt::format(
      "the unused square ({}, {}) above the diagonal of {} is not zero: readers of the plain matrix see it",
      row, col, dataset_name(GramPart::train));
}

/// `complete`: the file says that all of its tiles are there, so one without a record has lost it.
void check_part(const mpi::Communicator& comm, const hdf5::File& file, const GramHeader& header,
                GramPart part, bool complete, VerifyReport& report) {
  const GramTileFile tile_file(file, hdf5::Access::read, header, part);
  const GramTiles& tiles = tile_file.tiles();
  const std::vector<std::uint8_t> findings = find_in_part(comm, tile_file);
  for (std::size_t k = 0; k < findings.size(); ++k) {
    const TileIndex row = static_cast<Index>(k) / tiles.cols().count();
    const TileIndex col = static_cast<Index>(k) % tiles.cols().count();
    if (findings[k] == missing)
      ++report.missing;
    else
      ++report.checked;
    if (findings[k] == damaged)
      report.damaged.push_back(tiles.holds(row, col) ? tiles.name(row, col) : unused_square(row, col));
    if (findings[k] == missing && complete)
      report.damaged.push_back(tiles.name(row, col) + " (its record is gone)");
  }
}

void check_vectors(const hdf5::File& file, const GramHeader& header, bool complete, VerifyReport& report) {
  report.checked += header.m() == 0 ? 1 : 2;
  for (const std::string& name : damaged_samples(file, header))
    report.damaged.push_back(name + " (checksums of the samples)");
  if (header.m() == 0) return;
  const std::uint64_t record = hdf5::Dataset(file, "/tiles/test_diagonal").read_all<std::uint64_t>().front();
  const std::vector<double> diagonal = hdf5::Dataset(file, "/test_diagonal").read_all<double>();
  if (record == 0 && !complete) {
    ++report.missing;
    return;
  }
  ++report.checked;
  if (checksum(std::span(diagonal)) != record) report.damaged.push_back("/test_diagonal");
}

void check_gram(const mpi::Communicator& comm, VerifyReport& report) {
  struct Opened {
    hdf5::File file;
    GramHeader header;
    bool complete;
  };
  const Opened opened = mpi::collectively(comm, [&] {
    hdf5::File file = hdf5::File::open(report.path);
    GramHeader header = read_header(file);
    const bool complete = read_complete(file);
    return Opened{std::move(file), std::move(header), complete};
  });
  mpi::collectively(comm, [&] { check_vectors(opened.file, opened.header, opened.complete, report); });
  check_part(comm, opened.file, opened.header, GramPart::train, opened.complete, report);
  if (opened.header.m() > 0)
    check_part(comm, opened.file, opened.header, GramPart::test_train, opened.complete, report);
}

/// The root's look at the seal: the kind of file, and what is wrong with its structure.
void check_seal(VerifyReport& report) {
  const std::optional<Seal> seal = find_seal(report.path);
  if (!seal)
    throw Error(ExitCode::files,
                fmt::format("{} does not start as a result file of widegram does: it is another file, or its "
                            "first {} bytes are damaged",
                            report.path, seal_bytes));
  report.kind = seal->kind;
  ++report.checked;
  const std::string damage = seal_damage(report.path, *seal);
  if (!damage.empty()) report.damaged.push_back("the file " + damage);
}

}  // namespace

VerifyReport verify(const mpi::Communicator& comm, const std::string& path) {
  VerifyReport report;
  report.path = path;
  mpi::on_root(comm, [&] { check_seal(report); });
  require_shared_file(comm, path);
  report.kind = comm.broadcast(std::move(report.kind));
  report.checked = comm.broadcast(report.checked);
  const std::string damage = comm.broadcast(report.good() ? std::string() : report.damaged.front());
  report.damaged.assign(damage.empty() ? 0 : 1, damage);
  // What HDF5 would parse is whole, or else the rest is not looked at.
  if (report.good() && report.kind == "gram") check_gram(comm, report);
  return report;
}

std::string VerifyReport::text() const {
  if (good())
    return fmt::format("{}: {} file is good: {} part{} checked{}\n", path, kind, checked,
                       checked == 1 ? "" : "s",
                       missing > 0 ? fmt::format(", {} tiles not there yet", missing) : "");
  std::string out =
      fmt::format("{}: {} file is damaged in {} of {} parts\n", path, kind, damaged.size(), checked);
  for (const std::string& part : damaged) out += "  " + part + "\n";
  const bool mended = std::all_of(damaged.begin(), damaged.end(), [](const std::string& part) {
    return part.starts_with("tile ") || part.starts_with("the unused square ") || part == "/test_diagonal";
  });
  if (mended) return out + "'gram' with its job mends this: it computes these parts again, and no other\n";
  return out + fmt::format("remove the file and {} again\n", kind == "gram" ? "run 'gram'" : "compute it");
}

}  // namespace widegram::io
