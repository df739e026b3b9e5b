#include "io/hdf5.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "io/file_checks.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::hdf5 {

namespace {

std::vector<hsize_t> to_hsize(const std::vector<Index>& values) { return {values.begin(), values.end()}; }

Space simple_space(const std::vector<Index>& shape, const std::vector<Index>& limit, const Origin& origin) {
  if (shape.empty()) return Space(check(H5Screate(H5S_SCALAR), origin));
  const std::vector<hsize_t> extent = to_hsize(shape);
  const std::vector<hsize_t> most = to_hsize(limit.empty() ? shape : limit);
  return Space(check(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), most.data()), origin));
}

/// A chunk may reach past the end of a dimension only where the dimension may grow so far.
std::vector<Index> limit_of(const DatasetLayout& layout) {
  std::vector<Index> limit = layout.limit.empty() ? layout.shape : layout.limit;
  for (std::size_t k = 0; k < layout.chunk.size(); ++k) limit[k] = std::max(limit[k], layout.chunk[k]);
  return limit;
}

Properties properties(hid_t kind, const Origin& origin) { return Properties(check(H5Pcreate(kind), origin)); }

/// Access to files of the earliest format, locked only where the file system has locks.
Properties file_access(const Origin& origin) {
  // Errors are reported as exceptions: the library must not print them too.
  check(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), origin);
  Properties access = properties(H5P_FILE_ACCESS, origin);
  check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V110), origin);
  check(H5Pset_file_locking(access.id(), true, true), origin);
  return access;
}

Index product(const std::vector<Index>& factors) {
  return std::accumulate(factors.begin(), factors.end(), Index{1}, std::multiplies<>());
}

}  // namespace

File::File(hid_t owned, Origin origin, bool collective)
    : id_(owned), origin_(std::move(origin)), collective_(collective) {}

File::File(File&& other) noexcept
    : id_(std::exchange(other.id_, H5I_INVALID_HID)),
      origin_(std::move(other.origin_)),
      collective_(other.collective_),
      staging_(std::move(other.staging_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(origin_, other.origin_);
  std::swap(collective_, other.collective_);
  std::swap(staging_, other.staging_);
  return *this;
}

File::~File() {
  if (id_ < 0) return;
  if (std::uncaught_exceptions() > 0) {
    // While one rank alone unwinds the others may never come to close the file with it.
    if (!collective_) H5Fclose(id_);
    return;
  }
  try {
    close();
  } catch (const Error&) {  // close() is there for those who want to know
  }
}

void File::close() {
  if (id_ < 0) return;
  check(H5Fclose(std::exchange(id_, H5I_INVALID_HID)), origin_);
  if (const Staging staging = std::move(staging_)) staging.write_to_disk();
}

File File::staged(hid_t owned, const Origin& origin) {
  File file(owned, origin, false);
  file.staging_ = Staging(owned, origin);
  return file;
}

File File::open(const std::string& path, ExitCode code) {
  const Origin origin{path, code};
  io::require_regular_file(path, code);
  const Properties access = file_access(origin);
  return File(check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), origin), origin, false);
}

File File::open_for_update(const std::string& path) {
  const Origin origin{path};
  io::require_regular_file(path);
  const Properties access = file_access(origin);
  return staged(check(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id()), origin), origin);
}

File File::open_all(const mpi::Communicator& comm, const std::string& path, Access access) {
  const Origin origin{path};
  io::require_shared_file(comm, path);
  const unsigned flags = access == Access::read ? H5F_ACC_RDONLY : H5F_ACC_RDWR;
  // All see it; where one alone may not write it, MPI-IO would leave the others waiting.
  mpi::collectively(comm, [&] {
    const int file = ::open(path.c_str(), (access == Access::read ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (file < 0) throw system_error(origin, errno);
    ::close(file);
  });
  const hid_t id = mpi::collectively(comm, [&] {
    const Properties list = file_access(origin);
    check(H5Pset_fapl_mpio(list.id(), comm.handle(), MPI_INFO_NULL), origin);
    return check(H5Fopen(path.c_str(), flags, list.id()), origin);
  });
  return File(id, origin, true);
}

File File::create(const std::string& path, const CreateOptions& options) {
  const Origin origin{path};
  const Properties access = file_access(origin);
  if (options.metadata_block > 0) {
    check(H5Pset_meta_block_size(access.id(), static_cast<hsize_t>(options.metadata_block)), origin);
    check(H5Pset_small_data_block_size(access.id(), 0), origin);
  }
  if (options.alignment > 0) {
    const auto alignment = static_cast<hsize_t>(options.alignment);
    check(H5Pset_alignment(access.id(), alignment, alignment), origin);
  }
  const Properties creation = properties(H5P_FILE_CREATE, origin);
  check(H5Pset_userblock(creation.id(), static_cast<hsize_t>(options.user_block)), origin);
  check(H5Pset_obj_track_times(creation.id(), false), origin);
  return staged(check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), origin), origin);
}

Index Block::size() const { return product(extent); }

Dataset::Dataset(const File& file, const std::string& name)
    : origin_{fmt::format("{}: {}", file.path(), name), file.origin().code} {
  if (!exists(file, name))
    throw Error(origin_.code, fmt::format("{} has no dataset '{}'", file.path(), name));
  handle_ = Handle<H5Dclose>(check(H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT), origin_));
}

Dataset Dataset::create(const File& file, const std::string& name, hid_t type, const DatasetLayout& layout) {
  Origin origin{fmt::format("{}: {}", file.path(), name), file.origin().code};
  const Space space = simple_space(layout.shape, limit_of(layout), origin);
  const Properties links = properties(H5P_LINK_CREATE, origin);
  check(H5Pset_create_intermediate_group(links.id(), 1), origin);
  const Properties creation = properties(H5P_DATASET_CREATE, origin);
  check(H5Pset_obj_track_times(creation.id(), false), origin);
  check(H5Pset_fill_time(creation.id(), H5D_FILL_TIME_NEVER), origin);
  check(H5Pset_alloc_time(creation.id(), H5D_ALLOC_TIME_EARLY), origin);
  if (!layout.chunk.empty()) {
    const std::vector<hsize_t> chunk = to_hsize(layout.chunk);
    check(H5Pset_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()), origin);
  }
  const hid_t id = check(
      H5Dcreate2(file.id(), name.c_str(), type, space.id(), links.id(), creation.id(), H5P_DEFAULT), origin);
  return Dataset(id, std::move(origin));
}

void Dataset::extend(const std::vector<Index>& shape) {
  check(H5Dset_extent(id(), to_hsize(shape).data()), origin_);
}

std::vector<Index> Dataset::shape() const {
  const Space space(check(H5Dget_space(id()), origin_));
  std::vector<hsize_t> extent(
      static_cast<std::size_t>(check(H5Sget_simple_extent_ndims(space.id()), origin_)));
  check(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), origin_);
  return {extent.begin(), extent.end()};
}

std::vector<Index> Dataset::shape_in(Index dimensions) const {
  std::vector<Index> found = shape();
  if (std::ssize(found) != dimensions)
    throw Error(origin_.code,
                fmt::format("{} has {} dimensions and not {}", origin_.name, found.size(), dimensions));
  return found;
}

Index Dataset::size() const { return product(shape()); }

bool Dataset::is_float() const {
  return H5Tget_class(Type(check(H5Dget_type(id()), origin_)).id()) == H5T_FLOAT;
}

bool Dataset::is_integer() const {
  return H5Tget_class(Type(check(H5Dget_type(id()), origin_)).id()) == H5T_INTEGER;
}

bool Dataset::holds(hid_t type) const {
  return check(H5Tequal(Type(check(H5Dget_type(id()), origin_)).id(), type), origin_) > 0;
}

Block Dataset::everything() const {
  const std::vector<Index> extent = shape();
  return {std::vector<Index>(extent.size(), 0), extent};
}

void Dataset::transfer(const Block& block, hid_t type, void* into, const void* from, Index values) const {
  if (values != block.size())
    throw std::logic_error(
        fmt::format("{}: {} values for a block of {}", origin_.name, values, block.size()));
  if (values == 0) return;
  const Space file_space(check(H5Dget_space(id()), origin_));
  if (!block.extent.empty()) {
    const std::vector<hsize_t> begin = to_hsize(block.begin);
    const std::vector<hsize_t> extent = to_hsize(block.extent);
    check(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, begin.data(), nullptr, extent.data(), nullptr),
          origin_);
  }
  const Space memory_space = simple_space({values}, {}, origin_);
  check(into ? H5Dread(id(), type, memory_space.id(), file_space.id(), H5P_DEFAULT, into)
             : H5Dwrite(id(), type, memory_space.id(), file_space.id(), H5P_DEFAULT, from),
        origin_);
}

bool exists(const File& file, const std::string& name) {
  // HDF5 fails, rather than says no, where a group on the way is missing: ask for each.
  for (std::size_t cut = name.find('/', 1);; cut = name.find('/', cut + 1)) {
    const std::string part = name.substr(0, cut);
    if (check(H5Lexists(file.id(), part.c_str(), H5P_DEFAULT), file.origin()) == 0) return false;
    if (cut == std::string::npos) return true;
  }
}

void write_list(const File& file, const std::string& name, const std::vector<double>& values) {
  if (!values.empty())
    Dataset::create<double>(file, name, {.shape = {std::ssize(values)}}).write_all<double>(values);
}

std::vector<double> read_list(const File& file, const std::string& name) {
  if (!exists(file, name)) return {};
  return Dataset(file, name).read_all<double>();
}

double read_single(const File& file, const std::string& name) {
  const Dataset dataset(file, name);
  if (dataset.size() != 1)
    throw Error(dataset.origin().code, fmt::format("{} is not a single number", dataset.origin().name));
  return dataset.read_all<double>().front();
}

}  // namespace widegram::hdf5
