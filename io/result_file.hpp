#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/index.hpp"

/// What all result files share: they are made under a draft's name, sealed, brought safely to disk and only
/// then given their own name, so that a name never stands for half a file.
namespace widegram::io {

/// A result file starts with this many bytes that HDF5 leaves alone (its user block); the seal is text in
/// them.
inline constexpr Index seal_bytes = 4096;

/// HDF5's early formats have no checksums of their own, and a damaged structure can crash the library that
/// parses it. So the seal vouches for these bytes, and is checked before HDF5 sees the file.
struct Seal {
  std::string kind;                      ///< "gram", "model", "predictions"
  Index file_bytes = 0;                  ///< size of the whole file
  Range sealed;                          ///< bytes vouched for
  std::vector<std::uint64_t> checksums;  ///< what checksum_of(file, sealed) may be
};

/// Checksum of a range of a file's bytes. Throws Error(files).
std::uint64_t checksum_of(const std::string& path, Range bytes);

/// Writes the seal into the file's first bytes.
void write_seal(const std::string& path, const Seal& seal);

/// The seal of a result file; nothing where the file is another one. Throws Error(files) where the file
/// cannot be read or the seal itself is damaged, even beyond recognition.
std::optional<Seal> find_seal(const std::string& path);

/// What is wrong with the file by its seal ("is cut short: ...", "is damaged: ..."); empty where nothing is.
/// Reads the sealed bytes.
std::string seal_damage(const std::string& path, const Seal& seal);

/// find_seal() and seal_damage() in one: throws Error(files) where the file is no sealed result of this kind,
/// or damaged.
void require_seal(const std::string& path, const std::string& kind);

/// Throws Error(files), naming the command that makes such a file anew, where a sealed file's format is of
/// another version than this program's.
void require_version(const std::string& path, Index found, Index known, const std::string& command);

/// Where a file lies while it is being made: the same folder, so that a rename is enough.
std::string draft_path(const std::string& path);

/// Removes at the end of its scope what then still lies under the draft's name of a path: after publish()
/// that is nothing, after a failure what would only fill the disk. Move-only.
class [[nodiscard]] DraftGuard {
 public:
  DraftGuard() = default;
  explicit DraftGuard(const std::string& path) : draft_(draft_path(path)) {}
  DraftGuard(DraftGuard&& other) noexcept : draft_(std::exchange(other.draft_, {})) {}
  DraftGuard& operator=(DraftGuard&& other) noexcept {
    std::swap(draft_, other.draft_);
    return *this;
  }
  ~DraftGuard();

 private:
  std::string draft_;
};

/// Before a draft with so many bytes of values is made: throws Error(files) where `path` is taken by
/// something that is no file, or where this process may not write so much. Removes what a killed run may have
/// left under the draft's name.
DraftGuard begin_draft(const std::string& path, Index bytes);

/// Seals a finished draft as a whole.
void seal_whole(const std::string& path, const std::string& kind);

/// Brings the draft of `path` safely to disk and gives it its own name, replacing what had it.
void publish(const std::string& path);

/// Brings to disk what has been written into the file. Throws Error(files).
void sync_to_disk(const std::string& path);

/// Size of an existing file. Throws Error(files).
Index file_size(const std::string& path);

}  // namespace widegram::io
