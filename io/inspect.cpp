#include "io/inspect.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>

#include "io/file_checks.hpp"
#include "io/gram_store_skeleton.hpp"
#include "io/gram_store_tiles.hpp"
#include "io/result_file.hpp"
#include "src/base/fingerprint.hpp"

namespace widegram::io {

namespace {

/// HDF5's iteration calls back through C: what went wrong inside is kept and thrown again outside.
struct Walk {
  const hdf5::File& file;
  FileReport& report;
  std::exception_ptr error = nullptr;

  template <class F>
  herr_t guarded(F&& work) noexcept {
    try {
      work();
      return 0;
    } catch (...) {
      error = std::current_exception();
      return -1;
    }
  }
  void check(herr_t code) const {
    if (error) std::rethrow_exception(error);
    hdf5::check(code, file.origin());
  }
};

std::string type_name(const hdf5::Dataset& dataset) {
  const hdf5::Type type(hdf5::check(H5Dget_type(dataset.id()), dataset.origin()));
  const std::size_t bits = 8 * H5Tget_size(type.id());
  switch (H5Tget_class(type.id())) {
    case H5T_FLOAT:
      return fmt::format("float{}", bits);
    case H5T_INTEGER:
      return fmt::format("{}int{}", H5Tget_sign(type.id()) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_STRING:
      return "text";
    default:
      return "other";
  }
}

herr_t add_dataset(hid_t, const char* name, const H5O_info_t* info, void* into) noexcept {
  auto& walk = *static_cast<Walk*>(into);
  return walk.guarded([&] {
    if (info->type != H5O_TYPE_DATASET) return;
    const std::string full_name = std::string("/") + name;
    const hdf5::Dataset dataset(walk.file, full_name);
    walk.report.datasets.push_back({full_name, dataset.shape(), type_name(dataset)});
  });
}

herr_t add_attribute(hid_t, const char* name, const H5A_info_t*, void* into) noexcept {
  auto& walk = *static_cast<Walk*>(into);
  return walk.guarded([&] {
    const hdf5::Attribute attribute(
        hdf5::check(H5Aopen(walk.file.id(), name, H5P_DEFAULT), walk.file.origin()));
    const hdf5::Space space(hdf5::check(H5Aget_space(attribute.id()), walk.file.origin()));
    if (H5Sget_simple_extent_npoints(space.id()) != 1) return;
    const hdf5::Type type(hdf5::check(H5Aget_type(attribute.id()), walk.file.origin()));
    auto& attributes = walk.report.attributes;
    const H5T_class_t kind = H5Tget_class(type.id());
    if (kind == H5T_STRING)
      attributes.emplace_back(name, hdf5::read_attribute<std::string>(walk.file, "/", name));
    if (kind == H5T_INTEGER)
      attributes.emplace_back(name, hdf5::read_attribute<std::int64_t>(walk.file, "/", name));
    if (kind == H5T_FLOAT) attributes.emplace_back(name, hdf5::read_attribute<double>(walk.file, "/", name));
  });
}

void add_tiles(const hdf5::File& file, FileReport& report) {
  const GramHeader header = read_header(file);
  for (const GramPart part : {GramPart::train, GramPart::test_train}) {
    if (part == GramPart::test_train && header.m() == 0) continue;
    const GramTileFile tiles(file, hdf5::Access::read, header, part);
    const auto records = tiles.records();
    const Index missing = std::count(records.begin(), records.end(), std::uint64_t{0});
    report.tiles.push_back({dataset_name(part), tiles.tiles().count() - missing, tiles.tiles().count(),
                            to_hex(checksum(records))});
  }
  report.complete = read_complete(file);
}

Index bytes_on_disk(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw hdf5::system_error({path}, errno);
  return static_cast<Index>(status.st_blocks) * 512;
}

}  // namespace

FileReport inspect(const std::string& path) {
  require_regular_file(path);
  FileReport report;
  report.path = path;
  report.kind = "hdf5";
  report.bytes = file_size(path);
  report.bytes_on_disk = bytes_on_disk(path);
  if (const std::optional<Seal> seal = find_seal(path)) {
    // The bytes that HDF5 is about to parse are whole first.
    require_seal(path, seal->kind);
    report.kind = seal->kind;
  }
  const hdf5::File file = hdf5::File::open(path);
  Walk walk{file, report};
  walk.check(H5Ovisit2(file.id(), H5_INDEX_NAME, H5_ITER_INC, add_dataset, &walk, H5O_INFO_BASIC));
  walk.check(H5Aiterate2(file.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add_attribute, &walk));
  if (report.kind == "gram") add_tiles(file, report);
  return report;
}

}  // namespace widegram::io
