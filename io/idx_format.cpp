#include <fmt/format.h>

#include <array>
#include <optional>

#include "io/array_file.hpp"
#include "src/base/error.hpp"

namespace widegram::io {
namespace {

std::optional<ElementType> idx_type(unsigned code) {
  using Kind = ElementType::Kind;
  switch (code) {
    case 0x08:
      return ElementType{Kind::unsigned_integer, 1, true};
    case 0x09:
      return ElementType{Kind::signed_integer, 1, true};
    case 0x0B:
      return ElementType{Kind::signed_integer, 2, true};
    case 0x0C:
      return ElementType{Kind::signed_integer, 4, true};
    case 0x0D:
      return ElementType{Kind::floating, 4, true};
    case 0x0E:
      return ElementType{Kind::floating, 8, true};
    default:
      return std::nullopt;
  }
}

}  // namespace

ArrayFile ArrayFile::open_idx(const std::string& path) {
  InputFile file(path);
  std::array<std::byte, 4> magic{};
  file.read_at(0, magic);
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(magic[i]); };
  const std::optional<ElementType> type = idx_type(byte(2));
  const unsigned dimensions = byte(3);
  if (byte(0) != 0 || byte(1) != 0 || !type || dimensions < 1 || dimensions > 4)
    throw Error(
        ExitCode::data,
        fmt::format("{}: not an IDX file of 1 to 4 dimensions: its magic number is {:02x}{:02x}{:02x}{:02x} "
                    "(images have 00000803, labels 00000801)",
                    path, byte(0), byte(1), byte(2), byte(3)));
  std::vector<std::byte> raw(std::size_t{4} * dimensions);
  file.read_at(4, raw);
  std::vector<double> values(dimensions);
  decode({ElementType::Kind::unsigned_integer, 4, true}, raw, values);
  return ArrayFile(std::move(file), *type, {values.begin(), values.end()}, 4 + 4 * dimensions, false);
}

}  // namespace widegram::io
