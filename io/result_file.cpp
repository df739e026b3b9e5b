#include "io/result_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <utility>

#include "io/file_checks.hpp"
#include "io/hdf5.hpp"
#include "io/provenance.hpp"
#include "io/raw_file.hpp"
#include "src/base/fingerprint.hpp"

namespace widegram::io {

namespace {

constexpr std::string_view seal_title = "widegram result file, seal 1\n";
constexpr std::size_t hex_digits = 16;

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// The block's own checksum, over all of it with the digits of that checksum as zeros.
std::string self_checksum(std::string block, std::size_t digits_at) {
  block.replace(digits_at, hex_digits, hex_digits, '0');
  return to_hex(checksum(block.data(), block.size()));
}

Error damaged_seal(const std::string& path) {
  return {ExitCode::files, fmt::format("{} is damaged: its first {} bytes, which vouch for the rest, are not "
                                       "as they were written; restore it "
                                       "or remove it and compute it again",
                                       path, seal_bytes)};
}

/// Whether the file's HDF5 part begins where that of a result file does, behind a block that HDF5 leaves
/// alone.
bool has_room_for_seal(const RawFile& file) {
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  const auto at = [&](Index place) {
    std::string bytes(signature.size(), '\0');
    return file.read(std::as_writable_bytes(std::span(bytes)), place) == signature.size() &&
           bytes == signature;
  };
  return at(seal_bytes) && !at(0);
}

}  // namespace

std::uint64_t checksum_of(const std::string& path, Range bytes) {
  constexpr Index piece = Index{1} << 20;
  const RawFile file(path, O_RDONLY);
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(piece, bytes.size())));
  std::vector<std::uint64_t> pieces;
  for (Index at = bytes.begin; at < bytes.end; at += piece) {
    const auto wanted = static_cast<std::size_t>(std::min(piece, bytes.end - at));
    pieces.push_back(checksum(buffer.data(), file.read(std::span(buffer).first(wanted), at)));
  }
  return checksum(std::span(pieces));
}

void write_seal(const std::string& path, const Seal& seal) {
  std::vector<std::string> sums;
  for (const std::uint64_t sum : seal.checksums) sums.push_back(to_hex(sum));
  std::string block =
      fmt::format("{}kind {}\nbytes {}\nsealed {} {}\nchecksums {}\nself ", seal_title, seal.kind,
                  seal.file_bytes, seal.sealed.begin, seal.sealed.end, fmt::join(sums, " "));
  const std::size_t digits_at = block.size();
  block.append(hex_digits, '0').append("\n");
  block.resize(static_cast<std::size_t>(seal_bytes), '\0');
  block.replace(digits_at, hex_digits, self_checksum(block, digits_at));
  RawFile(path, O_WRONLY).write(std::as_bytes(std::span(block)), 0);
}

std::optional<Seal> find_seal(const std::string& path) {
  const RawFile file(path, O_RDONLY);
  std::string block(static_cast<std::size_t>(seal_bytes), '\0');
  block.resize(file.read(std::as_writable_bytes(std::span(block)), 0));
  if (!std::string_view(block).starts_with(seal_title.substr(0, block.size())) || block.empty()) {
    if (has_room_for_seal(file)) throw damaged_seal(path);
    return std::nullopt;
  }
  if (block.size() < static_cast<std::size_t>(seal_bytes))
    throw Error(ExitCode::files,
                fmt::format("{} is cut short: restore it or remove it and compute it again", path));
  const std::size_t self_at = block.find("\nself ");
  if (self_at == std::string::npos || self_at > block.size() - 2 * hex_digits) throw damaged_seal(path);
  const std::size_t digits_at = self_at + std::string_view("\nself ").size();
  if (block.substr(digits_at, hex_digits) != self_checksum(block, digits_at)) throw damaged_seal(path);

  std::istringstream text(block.substr(seal_title.size(), self_at - seal_title.size()));
  std::string word;
  Seal seal;
  text >> word >> seal.kind >> word >> seal.file_bytes >> word >> seal.sealed.begin >> seal.sealed.end >>
      word;
  for (std::uint64_t sum = 0; text >> std::hex >> sum;) seal.checksums.push_back(sum);
  return seal;
}

std::string seal_damage(const std::string& path, const Seal& seal) {
  const Index bytes = file_size(path);
  if (bytes < seal.file_bytes)
    return fmt::format("is cut short: {} bytes of {} are left", bytes, seal.file_bytes);
  if (bytes > seal.file_bytes)
    return fmt::format("is longer than it was written: {} bytes in place of {}", bytes, seal.file_bytes);
  const std::uint64_t found = checksum_of(path, seal.sealed);
  if (std::find(seal.checksums.begin(), seal.checksums.end(), found) == seal.checksums.end())
    return fmt::format("is damaged: bytes {} to {} are not as they were written", seal.sealed.begin,
                       seal.sealed.end - 1);
  return {};
}

void require_seal(const std::string& path, const std::string& kind) {
  const std::optional<Seal> seal = find_seal(path);
  if (!seal || seal->kind != kind)
    throw Error(ExitCode::files,
                fmt::format("{} is not a {} file of widegram{}; remove it or choose another output", path,
                            kind, seal ? " but a " + seal->kind + " file" : ""));
  const std::string damage = seal_damage(path, *seal);
  if (!damage.empty())
    throw Error(ExitCode::files,
                fmt::format("{} {}; restore it or remove it and compute it again", path, damage));
}

void require_version(const std::string& path, Index found, Index known, const std::string& command) {
  if (found == known) return;
  throw Error(ExitCode::files,
              fmt::format("{}: format version {} is not known to this program (version {}): run {} again",
                          path, found, program_version(), command));
}

std::string draft_path(const std::string& path) { return path + ".partial"; }

DraftGuard::~DraftGuard() {
  std::error_code ignored;
  if (!draft_.empty()) std::filesystem::remove(draft_, ignored);
}

DraftGuard begin_draft(const std::string& path, Index bytes) {
  constexpr Index structure = Index{1} << 16;  // of a file of few datasets, with the seal
  require_place_for_file(path);
  require_file_size_allowed(path, bytes + structure);
  std::error_code error;
  std::filesystem::remove(draft_path(path), error);
  if (error) throw hdf5::system_error({draft_path(path)}, error.value());
  return DraftGuard(path);
}

void seal_whole(const std::string& path, const std::string& kind) {
  const Range sealed{seal_bytes, file_size(path)};
  write_seal(path, {kind, sealed.end, sealed, {checksum_of(path, sealed)}});
}

void publish(const std::string& path) {
  const std::string draft = draft_path(path);
  sync_to_disk(draft);
  if (std::rename(draft.c_str(), path.c_str()) != 0) throw hdf5::system_error({path}, errno);
  RawFile(folder_of(path), O_RDONLY | O_DIRECTORY).sync();
}

void sync_to_disk(const std::string& path) { RawFile(path, O_WRONLY).sync(); }

Index file_size(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) throw hdf5::system_error({path}, error.value());
  return static_cast<Index>(bytes);
}

}  // namespace widegram::io
