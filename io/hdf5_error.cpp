#include "io/hdf5_error.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace widegram::hdf5 {

namespace {

/// What each level of HDF5's error stack says, innermost first.
std::vector<std::string> stack_texts() {
  std::vector<std::string> texts;
  const auto collect = [](unsigned, const H5E_error2_t* entry, void* into) noexcept -> herr_t {
    try {
      static_cast<std::vector<std::string>*>(into)->emplace_back(entry->desc ? entry->desc : "");
      return 0;
    } catch (...) {
      return -1;
    }
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &texts);
  H5Eclear2(H5E_DEFAULT);
  return texts;
}

/// Reasons that lie with the system and not with HDF5.
constexpr std::array system_reasons{ENOSPC, EDQUOT, EFBIG,   EACCES, EPERM,  EROFS,        EIO,
                                    ENOENT, EISDIR, ENOTDIR, EMFILE, ENFILE, ENAMETOOLONG, ESTALE};

std::string_view advice(int reason) {
  switch (reason) {
    case ENOSPC:
    case EDQUOT:
      return "; make room and run again, what is saved stays valid";
    case EFBIG:
      return "; raise the file size limit (ulimit -f) and run again, what is saved stays valid";
    case EACCES:
    case EPERM:
      return "; check the permissions of the file and its folder";
    case EROFS:
      return "; choose a folder that can be written";
    default:
      return "";
  }
}

/// What MPI-IO calls the reasons that it knows.
constexpr std::array<std::pair<std::string_view, int>, 6> mpi_reasons{{{"MPI_ERR_NO_SUCH_FILE", ENOENT},
                                                                       {"MPI_ERR_ACCESS", EACCES},
                                                                       {"MPI_ERR_READ_ONLY", EROFS},
                                                                       {"MPI_ERR_NO_SPACE", ENOSPC},
                                                                       {"MPI_ERR_QUOTA", EDQUOT},
                                                                       {"MPI_ERR_BAD_FILE", ENOENT}}};

/// The serial driver writes "errno = 28" into its text; MPI-IO names some reasons and leaves the others in
/// errno.
int system_reason(const std::vector<std::string>& texts, int last_errno) {
  bool from_mpi = false;
  for (const std::string& text : texts) {
    constexpr std::string_view mark = "errno = ";
    if (const std::size_t at = text.find(mark); at != std::string::npos) {
      int value = 0;
      std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), value);
      if (value != 0) return value;
    }
    for (const auto& [name, reason] : mpi_reasons)
      if (text.find(name) != std::string::npos) return reason;
    from_mpi |=
        text.find("MPI_") != std::string::npos || text == "file write failed" || text == "file read failed";
  }
  const bool known =
      std::find(system_reasons.begin(), system_reasons.end(), last_errno) != system_reasons.end();
  // Half a write sets no errno: what MPI-IO has looked for before and not found is no reason then.
  const bool stale = last_errno == ENOENT && !texts.empty() && texts.front() == "file write failed";
  return from_mpi && known && !stale ? last_errno : 0;
}

/// Why a write may have failed of which MPI-IO does not say it: whether the disk of the origin's file is
/// full.
std::string guess_at_write(const std::string& name) {
  constexpr std::uintmax_t scarce = std::uintmax_t{1} << 20;
  const std::filesystem::path file(name.substr(0, name.find(": /")));
  std::error_code unknown;
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const std::uintmax_t bytes = std::filesystem::space(folder, unknown).available;
  if (!unknown && bytes < scarce) return fmt::format("the disk is full ({} bytes free)", bytes);
  return "the disk is full, or a quota or a size limit is reached";
}

}  // namespace

Error system_error(const Origin& origin, int reason) {
  return {origin.code, fmt::format("{}: {}{}", origin.name, std::strerror(reason), advice(reason))};
}

void fail(const Origin& origin, SourceLocation where) {
  const int last_errno = errno;
  const std::vector<std::string> texts = stack_texts();
  const auto says = [&](std::string_view words) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& text) { return text.find(words) != std::string::npos; });
  };
  if (says("truncated file"))
    throw Error(origin.code,
                fmt::format("{} is cut short: restore it or remove it and compute it again", origin.name));
  if (says("file signature not found") || says("not an HDF5 file"))
    throw Error(origin.code, fmt::format("{} is not an HDF5 file", origin.name));
  if (const int reason = system_reason(texts, last_errno); reason != 0) throw system_error(origin, reason);
  if (says("file write failed"))
    throw Error(origin.code, fmt::format("{}: took only a part of what was written: {}{}", origin.name,
                                         guess_at_write(origin.name), advice(ENOSPC)));
  const std::string innermost = texts.empty() ? "unknown failure" : texts.front();
  const std::string place = std::filesystem::path(where.file).filename().string();
  throw Error(origin.code, fmt::format("{}: HDF5: {} ({}:{})", origin.name, innermost, place, where.line));
}

}  // namespace widegram::hdf5
