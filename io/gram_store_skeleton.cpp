#include "io/gram_store_skeleton.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "io/gram_store_tiles.hpp"
#include "io/provenance.hpp"

namespace widegram::io {

namespace {

constexpr Index page = 4096;
/// Structure beside the chunk index: superblock, groups, attributes, dataset headers.
constexpr Index structure_bytes = Index{1} << 17;
/// At most what a chunk takes in a version 1 B-tree: 40 bytes an entry, nodes at least half full, and their
/// parents.
constexpr Index index_bytes_per_chunk = 96;

struct Sizes {
  Index chunk = 0;    ///< bytes of one
  Index chunks = 0;   ///< number of them
  Index vectors = 0;  ///< bytes of all one-dimensional datasets
};

Sizes sizes(const GramHeader& header) {
  const Index entry = header.precision == Precision::float32 ? sizeof(float) : sizeof(double);
  Sizes s;
  s.chunk = header.tile * header.tile * entry;
  s.vectors = 8 * (header.n() + 2 * header.m() + 1);
  for (const GramPart part : {GramPart::train, GramPart::test_train}) {
    const GramTiles tiles(header, part);
    s.chunks += tiles.rows().count() * tiles.cols().count();
    s.vectors += 8 * tiles.count();
  }
  return s;
}

Index metadata_bytes(const Sizes& size) {
  return round_up(structure_bytes + index_bytes_per_chunk * size.chunks, page);
}

Index offset(const hdf5::Dataset& contiguous) { return static_cast<Index>(H5Dget_offset(contiguous.id())); }

/// Creates a vector of the file; returns where its values lie.
template <class T>
Index create_vector(const hdf5::File& file, const std::string& name, const std::vector<T>& values) {
  const auto size = static_cast<Index>(values.size());
  const hdf5::Dataset dataset = hdf5::Dataset::create<T>(file, name, {.shape = {size}});
  dataset.template write_all<T>(values);
  return offset(dataset);
}

/// Without any entries yet: room for those is made when all texts of attributes have theirs.
hdf5::Dataset create_empty(const hdf5::File& file, const GramHeader& header, const GramTiles& tiles) {
  const hdf5::DatasetLayout layout{
      {0, 0}, {header.tile, header.tile}, {tiles.rows().extent, tiles.cols().extent}};
  const std::string name = dataset_name(tiles.part());
  hdf5::Dataset dataset = header.precision == Precision::float32
                              ? hdf5::Dataset::create<float>(file, name, layout)
                              : hdf5::Dataset::create<double>(file, name, layout);
  hdf5::write_attribute(file, name, "triangle",
                        std::string(tiles.part() == GramPart::train ? "lower" : "full"));
  return dataset;
}

/// Creates all datasets; returns where the first value lies.
Index create_datasets(const hdf5::File& file, const GramHeader& header) {
  std::vector<GramTiles> parts{GramTiles(header, GramPart::train)};
  if (header.m() > 0) parts.emplace_back(header, GramPart::test_train);
  std::vector<hdf5::Dataset> matrices;
  for (const GramTiles& tiles : parts) matrices.push_back(create_empty(file, header, tiles));

  Index first = create_vector(file, "/samples/train", header.train_samples);
  const auto vector = [&](const std::string& name, const auto& values) {
    first = std::min(first, create_vector(file, name, values));
  };
  for (const GramTiles& tiles : parts)
    vector(records_name(tiles.part()),
           std::vector<std::uint64_t>(static_cast<std::size_t>(tiles.count()), 0));
  if (header.m() > 0) {
    vector("/samples/test", header.test_samples);
    vector("/test_diagonal", std::vector<double>(static_cast<std::size_t>(header.m()), 0.0));
    vector("/tiles/test_diagonal", std::vector<std::uint64_t>{0});
  }
  for (std::size_t k = 0; k < parts.size(); ++k)
    matrices[k].extend({parts[k].rows().extent, parts[k].cols().extent});
  return first;
}

/// That the chunks lie where readers look for them.
void check_chunk_places(const hdf5::File& file, const GramHeader& header, Index file_bytes) {
  for (const GramPart part : {GramPart::train, GramPart::test_train}) {
    if (part == GramPart::test_train && header.m() == 0) continue;
    const GramTiles tiles(header, part);
    const hdf5::Dataset dataset(file, dataset_name(part));
    const auto check = [&](TileIndex row, TileIndex col) {
      const std::array<hsize_t, 2> corner{static_cast<hsize_t>(row * header.tile),
                                          static_cast<hsize_t>(col * header.tile)};
      unsigned filters = 0;
      haddr_t address = 0;
      hsize_t bytes = 0;
      hdf5::check(H5Dget_chunk_info_by_coord(dataset.id(), corner.data(), &filters, &address, &bytes),
                  dataset.origin());
      const Index expected = first_chunk(header, part, file_bytes) +
                             (row * tiles.cols().count() + col) * static_cast<Index>(bytes);
      // HDF5 counts from the end of the user block, or, in newer versions, from the start of the file.
      const auto found = static_cast<Index>(address);
      if (found != expected && found + seal_bytes != expected)
        throw std::logic_error("HDF5 has put the chunks of the Gram store in another place than foreseen");
    };
    check(0, 0);
    check(tiles.rows().count() - 1, tiles.cols().count() - 1);
  }
}

/// Writes all of the structure; returns where it ends. Everything that HDF5 calls metadata comes to lie in
/// one block at the front, the texts of the attributes behind it, and behind those the values of the
/// datasets.
Index write_structure(const std::string& draft, const GramHeader& header, const Sizes& size, int ranks) {
  const Index metadata_block = metadata_bytes(size);
  hdf5::File file = hdf5::File::create(draft, {.user_block = seal_bytes,
                                               .metadata_block = metadata_block,
                                               .alignment = size.chunk % page == 0 ? page : 0});
  write_header(file, header);
  write_provenance(file, current_provenance(ranks));
  write_complete(file, true);
  const Index end = create_datasets(file, header);
  if (end < seal_bytes + metadata_block)
    throw std::logic_error("HDF5 has put values of the Gram among its structure");
  file.close();
  // Not what it should be where the structure has outgrown its block and goes on behind the entries.
  if (file_size(draft) > end + size.chunk * size.chunks + size.vectors + structure_bytes / 2)
    throw std::logic_error("HDF5's structure of the Gram store is larger than foreseen");
  check_chunk_places(hdf5::File::open(draft), header, file_size(draft));
  return end;
}

}  // namespace

DraftGuard make_gram_draft(const std::string& path, const GramHeader& header, int ranks) {
  const Sizes size = sizes(header);
  DraftGuard guard =
      begin_draft(path, seal_bytes + metadata_bytes(size) + size.chunk * size.chunks + size.vectors);
  const std::string draft = draft_path(path);
  const Range structure{seal_bytes, write_structure(draft, header, size, ranks)};
  // The one byte of the structure that changes later is the answer to 'complete': the seal knows both.
  Seal seal{"gram", file_size(draft), structure, {checksum_of(draft, structure)}};
  hdf5::File file = hdf5::File::open_for_update(draft);
  write_complete(file, false);
  file.close();
  seal.checksums.push_back(checksum_of(draft, structure));
  write_seal(draft, seal);
  return guard;
}

bool read_complete(const hdf5::File& file) {
  return hdf5::read_attribute<std::int64_t>(file, "/", "complete") == 1;
}

void write_complete(const hdf5::File& file, bool complete) {
  hdf5::write_attribute(file, "/", "complete", static_cast<std::int64_t>(complete ? 1 : 0));
}

}  // namespace widegram::io
