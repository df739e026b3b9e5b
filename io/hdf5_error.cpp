#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "io/hdf5.hpp"

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
  return from_mpi && known ? last_errno : 0;
}

}  // namespace

Error system_error(const Origin& origin, int reason) {
  return {origin.code, fmt::format("{}: {}{}", origin.name, std::strerror(reason), advice(reason))};
}

void fail(const Origin& origin, std::source_location where) {
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
  const std::string innermost = texts.empty() ? "unknown failure" : texts.front();
  throw Error(origin.code,
              fmt::format("{}: HDF5: {} ({}:{})", origin.name, innermost, where.file_name(), where.line()));
}

}  // namespace widegram::hdf5
