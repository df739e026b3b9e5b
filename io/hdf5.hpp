#pragma once

#include <hdf5.h>

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/hdf5_error.hpp"
#include "io/hdf5_staging.hpp"
#include "src/base/error.hpp"
#include "src/base/index.hpp"
#include "src/mpi/communicator.hpp"

/// The HDF5 C library behind owning handles and one check. Nothing here is collective unless it says so.
namespace widegram::hdf5 {

/// The machine's own type for T, in memory and in the file alike.
template <class T>
hid_t datatype() {
  if constexpr (std::is_same_v<T, double>)
    return H5T_NATIVE_DOUBLE;
  else if constexpr (std::is_same_v<T, float>)
    return H5T_NATIVE_FLOAT;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return H5T_NATIVE_INT64;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return H5T_NATIVE_UINT64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return H5T_NATIVE_INT32;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return H5T_NATIVE_UINT8;
  else
    static_assert(!sizeof(T), "no HDF5 datatype for this type");
}

/// Owns one identifier. Move-only; closing is local to the process.
template <herr_t (*Close)(hid_t)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t owned) : id_(owned) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) Close(id_);
  }

  hid_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using Space = Handle<H5Sclose>;
using Properties = Handle<H5Pclose>;
using Type = Handle<H5Tclose>;
using Attribute = Handle<H5Aclose>;
using Group = Handle<H5Gclose>;

enum class Access { read, write };

/// How a new file is laid out.
struct CreateOptions {
  Index user_block = 0;      ///< bytes in front that HDF5 leaves alone: 0, or a power of two from 512
  Index metadata_block = 0;  ///< metadata goes into blocks of this many bytes, and each dataset lies behind
                             ///< what was there before it; 0: as the library likes
  Index alignment = 0;       ///< datasets from this size on start at multiples of it; 0: anywhere
};

/// An open file. Files are of the earliest format that holds them. A file opened for all ranks is closed by
/// all of them: close() and the destructor are collective then, and the destructor leaves the file open while
/// an exception unwinds. A destructor keeps silent where close() throws.
class File {
 public:
  /// This process alone, for reading. Error(code): missing, unreadable, not HDF5, cut short.
  static File open(const std::string& path, ExitCode code = ExitCode::files);
  /// Collective over comm (no Cartesian one: MPI-IO layers have crashed on those). All ranks throw, or none.
  /// A rank that does not see the file as the root does is found before HDF5 waits for it.
  static File open_all(const mpi::Communicator& comm, const std::string& path, Access access);
  /// This process alone, for reading and writing; what was there is lost. Here and in open_for_update() what
  /// is written stays in memory until the file is closed, with no dataset of it open any more.
  static File create(const std::string& path, const CreateOptions& options = {});
  /// This process alone: an existing file, for reading and writing.
  static File open_for_update(const std::string& path);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  hid_t id() const { return id_; }
  const Origin& origin() const { return origin_; }
  const std::string& path() const { return origin_.name; }
  /// Writes what is still in memory; throws where that fails. Collective where the file is open on all ranks.
  void close();

 private:
  File(hid_t owned, Origin origin, bool collective);
  static File staged(hid_t owned, const Origin& origin);

  hid_t id_ = H5I_INVALID_HID;
  Origin origin_;
  bool collective_ = false;
  Staging staging_;
};

/// A block of a dataset: first index and extent in each dimension.
struct Block {
  std::vector<Index> begin;
  std::vector<Index> extent;

  Index size() const;
};

/// How the values of a new dataset lie in the file. All space is set aside at once and nothing is filled in.
struct DatasetLayout {
  std::vector<Index> shape;       ///< empty: a single number
  std::vector<Index> chunk = {};  ///< empty: contiguous; may be larger than the shape
  std::vector<Index> limit = {};  ///< what a chunked one may be extended to; empty: the shape
};

/// An open dataset of numbers.
class Dataset {
 public:
  Dataset() = default;
  /// Error(files or data) naming the file where there is no such dataset.
  Dataset(const File& file, const std::string& name);
  /// Creates it, with the groups on its way. Collective where the file is open on all ranks.
  template <class T>
  static Dataset create(const File& file, const std::string& name, const DatasetLayout& layout) {
    return create(file, name, datatype<T>(), layout);
  }

  hid_t id() const { return handle_.id(); }
  const Origin& origin() const { return origin_; }
  explicit operator bool() const { return static_cast<bool>(handle_); }

  /// Gives a chunked dataset another shape within its limit. Collective where the file is open on all ranks.
  void extend(const std::vector<Index>& shape);

  std::vector<Index> shape() const;
  /// Throws where the dataset has another number of dimensions.
  std::vector<Index> shape_in(Index dimensions) const;
  Index size() const;
  bool is_float() const;
  bool is_integer() const;
  /// The file's type is the machine's own for T: no conversion on the way.
  template <class T>
  bool holds() const {
    return holds(datatype<T>());
  }

  /// Row-major values of a block (or of everything) to and from memory, converted to and from the file's
  /// type. In a file open on all ranks each rank moves its own block when it likes.
  template <class T>
  void read(const Block& block, std::span<T> values) const {
    transfer(block, datatype<T>(), values.data(), nullptr, static_cast<Index>(values.size()));
  }
  template <class T>
  std::vector<T> read_all() const {
    std::vector<T> values(static_cast<std::size_t>(size()));
    read<T>(everything(), values);
    return values;
  }
  template <class T>
  void write(const Block& block, std::span<const T> values) const {
    transfer(block, datatype<T>(), nullptr, values.data(), static_cast<Index>(values.size()));
  }
  template <class T>
  void write_all(std::span<const T> values) const {
    write<T>(everything(), values);
  }

 private:
  Dataset(hid_t owned, Origin origin) : handle_(owned), origin_(std::move(origin)) {}
  static Dataset create(const File& file, const std::string& name, hid_t type, const DatasetLayout& layout);
  Block everything() const;
  bool holds(hid_t type) const;
  void transfer(const Block& block, hid_t type, void* into, const void* from, Index values) const;

  Handle<H5Dclose> handle_;
  Origin origin_;
};

/// Whether the file has an object of this absolute name ("/train", "/tiles/train").
bool exists(const File& file, const std::string& name);

/// A list of numbers as a dataset; an empty one as none. Writing: by one rank alone.
void write_list(const File& file, const std::string& name, const std::vector<double>& values);
std::vector<double> read_list(const File& file, const std::string& name);
/// A dataset that is a single number; throws where it is not.
double read_single(const File& file, const std::string& name);

/// Attributes of an object of the file ("/" or a dataset's name). Writing one that exists changes it in
/// place, which moves no other byte of the file where the size stays. Collective where the file is open on
/// all ranks.
void write_attribute(const File& file, const std::string& object, const std::string& name,
                     const std::string& text);
void write_attribute(const File& file, const std::string& object, const std::string& name,
                     std::int64_t value);
void write_attribute(const File& file, const std::string& object, const std::string& name, double value);

bool has_attribute(const File& file, const std::string& object, const std::string& name);

/// T: std::string (fixed or variable length), std::int64_t, double. Error naming file and attribute where it
/// is missing.
template <class T>
T read_attribute(const File& file, const std::string& object, const std::string& name);
template <>
std::string read_attribute(const File& file, const std::string& object, const std::string& name);
template <>
std::int64_t read_attribute(const File& file, const std::string& object, const std::string& name);
template <>
double read_attribute(const File& file, const std::string& object, const std::string& name);
/// An attribute of the root that holds a hash as to_hex() writes it; throws where it is none.
std::uint64_t read_hash(const File& file, const std::string& name);

}  // namespace widegram::hdf5
