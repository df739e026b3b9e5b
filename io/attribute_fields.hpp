#pragma once

#include <cstdint>
#include <optional>

#include "io/hdf5.hpp"
#include "src/base/fingerprint.hpp"

namespace widegram::io {

/// Visitors of a struct's fields that are attributes of a file's root, so that one list of them serves for
/// writing and reading. A std::uint64_t is a hash, as 16 digits; an empty number is no attribute.
struct AttributeWriter {
  const hdf5::File& file;
  void operator()(const char* name, const auto& value) const {
    hdf5::write_attribute(file, "/", name, value);
  }
  void operator()(const char* name, std::uint64_t hash) const {
    hdf5::write_attribute(file, "/", name, to_hex(hash));
  }
  void operator()(const char* name, const std::optional<double>& value) const {
    if (value) hdf5::write_attribute(file, "/", name, *value);
  }
};

struct AttributeReader {
  const hdf5::File& file;
  template <class T>
  void operator()(const char* name, T& value) const {
    value = hdf5::read_attribute<T>(file, "/", name);
  }
  void operator()(const char* name, std::uint64_t& hash) const { hash = hdf5::read_hash(file, name); }
  void operator()(const char* name, std::optional<double>& value) const {
    if (hdf5::has_attribute(file, "/", name)) value = hdf5::read_attribute<double>(file, "/", name);
  }
};

}  // namespace widegram::io
