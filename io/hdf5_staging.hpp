#pragma once

#include <hdf5.h>

#include <utility>

#include "io/hdf5_error.hpp"

namespace widegram::hdf5 {

/// Owns one file descriptor. Move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int owned) : id_(owned) {}
  Descriptor(Descriptor&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Descriptor();

  int id() const { return id_; }

 private:
  int id_ = -1;
};

/// Keeps what HDF5 writes into a file in memory until it is closed there. HDF5 cannot get rid of a file whose
/// last writes have failed, as they do on a full disk: it keeps the half-closed file, and the program dies on
/// it at the end of the run. In memory the writes succeed, and the bytes go to disk by plain calls of the
/// system, which say why where they fail. Takes as much memory as has been written; a hole takes none.
class Staging {
 public:
  Staging() = default;
  /// For a file that HDF5 has just opened for writing with its driver for plain files: a copy in memory takes
  /// its place under HDF5's own descriptor.
  Staging(hid_t file, Origin origin);

  explicit operator bool() const { return memory_.id() >= 0; }
  /// After HDF5 has closed the file. Throws the Error with the system's reason.
  void write_to_disk() const;

 private:
  Origin origin_;
  Descriptor disk_;
  Descriptor memory_;
};

}  // namespace widegram::hdf5
