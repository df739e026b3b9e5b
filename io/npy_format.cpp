#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "io/array_file.hpp"
#include "src/base/error.hpp"

namespace widegram::io {
namespace {

Error bad_header(const std::string& path, const std::string& what) {
  return Error(ExitCode::data, path + ": " + what);
}

/// What follows "'key':" in the header, which is a Python dictionary on one line.
std::string_view value_of(std::string_view header, std::string_view key, const std::string& path) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos)
    throw bad_header(path, fmt::format("the NPY header lacks '{}': the file is damaged", key));
  std::string_view value = header.substr(at + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

/// "'<f4'" and the like.
ElementType npy_type(std::string_view descr, const std::string& path) {
  const std::size_t end = descr.size() < 2 ? std::string_view::npos : descr.find('\'', 1);
  const std::string_view name =
      end == std::string_view::npos ? descr.substr(0, 20) : descr.substr(1, end - 1);
  const auto refuse = [&] {
    return bad_header(
        path, fmt::format("elements of type '{}' are not numbers that can be read here: save booleans, "
                          "integers or floats of at most 8 bytes",
                          name));
  };
  if (end == std::string_view::npos || descr.front() != '\'' || name.size() != 3) throw refuse();
  if (std::string_view("<>|=").find(name[0]) == std::string_view::npos) throw refuse();
  ElementType type;
  type.big_endian = name[0] == '>';
  type.bytes = name[2] - '0';
  switch (name[1]) {
    case 'u':
      type.kind = ElementType::Kind::unsigned_integer;
      break;
    case 'b':  // 0 or 1, which are no pixels to be scaled
    case 'i':
      type.kind = ElementType::Kind::signed_integer;
      break;
    case 'f':
      type.kind = ElementType::Kind::floating;
      break;
    default:
      throw refuse();
  }
  const bool known_size =
      type.bytes == 2 || type.bytes == 4 || type.bytes == 8 || (type.bytes == 1 && type.is_integer());
  if (!known_size) throw refuse();
  return type;
}

/// "(3, 4), ..." -> {3, 4}
std::vector<Index> npy_extents(std::string_view shape, const std::string& path) {
  const std::size_t end = shape.find(')');
  if (shape.empty() || shape.front() != '(' || end == std::string_view::npos)
    throw bad_header(path, "the NPY header has no shape: the file is damaged");
  std::vector<Index> extents;
  const char* at = shape.data() + 1;
  const char* const last = shape.data() + end;
  while (at < last) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    Index extent = 0;
    const auto [next, error] = std::from_chars(at, last, extent);
    if (error != std::errc() || extent < 0)
      throw bad_header(path, "the NPY header announces an impossible shape");
    extents.push_back(extent);
    at = next;
  }
  if (extents.empty()) throw bad_header(path, "holds a single number, not an array of samples");
  return extents;
}

}  // namespace

ArrayFile ArrayFile::open_npy(const std::string& path) {
  InputFile file(path);
  std::array<std::byte, 8> start{};
  file.read_at(0, start);
  if (std::memcmp(start.data(), "\x93NUMPY", 6) != 0)
    throw bad_header(path, "not an NPY file: it does not begin with \\x93NUMPY");
  const auto version = std::to_integer<int>(start[6]);
  if (version < 1 || version > 3)
    throw bad_header(path, fmt::format("NPY version {} is not known here", version));

  std::vector<std::byte> raw_length(version == 1 ? 2 : 4);
  file.read_at(8, raw_length);
  double length = 0;
  decode({ElementType::Kind::unsigned_integer, static_cast<int>(raw_length.size()), false}, raw_length,
         {&length, 1});
  const Index header_begin = 8 + static_cast<Index>(raw_length.size());
  const auto header_length = static_cast<Index>(length);
  if (header_length > file.largest_size() - header_begin)
    throw bad_header(path, "the file is cut within its header");
  std::string header(static_cast<std::size_t>(header_length), ' ');
  file.read_at(header_begin, std::as_writable_bytes(std::span(header)));

  const bool fortran_order = value_of(header, "fortran_order", path).starts_with("True");
  return ArrayFile(std::move(file), npy_type(value_of(header, "descr", path), path),
                   npy_extents(value_of(header, "shape", path), path), header_begin + header_length,
                   fortran_order);
}

}  // namespace widegram::io
