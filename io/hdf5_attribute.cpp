#include <fmt/format.h>

#include <optional>

#include "io/hdf5.hpp"
#include "src/base/fingerprint.hpp"

namespace widegram::hdf5 {

namespace {

Origin attribute_origin(const File& file, const std::string& object, const std::string& name) {
  return {fmt::format("{}: attribute '{}' of {}", file.path(), name, object), file.origin().code};
}

Type text_type(const Origin& origin) {
  Type type(check(H5Tcopy(H5T_C_S1), origin));
  check(H5Tset_size(type.id(), H5T_VARIABLE), origin);
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), origin);
  return type;
}

Attribute open_attribute(const File& file, const std::string& object, const std::string& name,
                         const Origin& origin) {
  if (!has_attribute(file, object, name))
    throw Error(file.origin().code, fmt::format("{} has no attribute '{}' at {}", file.path(), name, object));
  return Attribute(
      check(H5Aopen_by_name(file.id(), object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), origin));
}

void write_scalar(const File& file, const std::string& object, const std::string& name, hid_t type,
                  const void* value) {
  const Origin origin = attribute_origin(file, object, name);
  Attribute attribute;
  if (has_attribute(file, object, name)) {
    attribute = open_attribute(file, object, name, origin);
  } else {
    const Space scalar(check(H5Screate(H5S_SCALAR), origin));
    attribute = Attribute(check(H5Acreate_by_name(file.id(), object.c_str(), name.c_str(), type, scalar.id(),
                                                  H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                origin));
  }
  check(H5Awrite(attribute.id(), type, value), origin);
}

template <class T>
T read_number(const File& file, const std::string& object, const std::string& name) {
  const Origin origin = attribute_origin(file, object, name);
  const Attribute attribute = open_attribute(file, object, name, origin);
  const Space space(check(H5Aget_space(attribute.id()), origin));
  if (H5Sget_simple_extent_npoints(space.id()) != 1)
    throw Error(origin.code, fmt::format("{} is not a single number", origin.name));
  T value{};
  check(H5Aread(attribute.id(), datatype<T>(), &value), origin);
  return value;
}

}  // namespace

bool has_attribute(const File& file, const std::string& object, const std::string& name) {
  return check(H5Aexists_by_name(file.id(), object.c_str(), name.c_str(), H5P_DEFAULT), file.origin()) > 0;
}

void write_attribute(const File& file, const std::string& object, const std::string& name,
                     const std::string& text) {
  const Type type = text_type(attribute_origin(file, object, name));
  const char* characters = text.c_str();
  write_scalar(file, object, name, type.id(), &characters);
}

void write_attribute(const File& file, const std::string& object, const std::string& name,
                     std::int64_t value) {
  write_scalar(file, object, name, datatype<std::int64_t>(), &value);
}

void write_attribute(const File& file, const std::string& object, const std::string& name, double value) {
  write_scalar(file, object, name, datatype<double>(), &value);
}

template <>
std::int64_t read_attribute(const File& file, const std::string& object, const std::string& name) {
  return read_number<std::int64_t>(file, object, name);
}

template <>
double read_attribute(const File& file, const std::string& object, const std::string& name) {
  return read_number<double>(file, object, name);
}

template <>
std::string read_attribute(const File& file, const std::string& object, const std::string& name) {
  const Origin origin = attribute_origin(file, object, name);
  const Attribute attribute = open_attribute(file, object, name, origin);
  const Space space(check(H5Aget_space(attribute.id()), origin));
  const Type stored(check(H5Aget_type(attribute.id()), origin));
  if (H5Tget_class(stored.id()) != H5T_STRING || H5Sget_simple_extent_npoints(space.id()) != 1)
    throw Error(origin.code, fmt::format("{} is not a single text", origin.name));
  if (check(H5Tis_variable_str(stored.id()), origin) > 0) {
    char* characters = nullptr;
    check(H5Aread(attribute.id(), stored.id(), static_cast<void*>(&characters)), origin);
    const std::string text = characters ? characters : "";
    H5free_memory(characters);
    return text;
  }
  std::string text(H5Tget_size(stored.id()), '\0');
  check(H5Aread(attribute.id(), stored.id(), text.data()), origin);
  return text.substr(0, text.find('\0'));
}

std::uint64_t read_hash(const File& file, const std::string& name) {
  const auto text = read_attribute<std::string>(file, "/", name);
  const std::optional<std::uint64_t> value = from_hex(text);
  if (!value)
    throw Error(file.origin().code,
                fmt::format("{}: attribute '{}' is no hash: '{}'", file.path(), name, text));
  return *value;
}

}  // namespace widegram::hdf5
