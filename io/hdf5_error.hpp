#pragma once

#include <cerrno>
#include <concepts>
#include <string>

#include "src/base/error.hpp"
#include "src/base/source_location.hpp"

namespace widegram::hdf5 {

/// What an error message speaks of ("runs/a/gram.h5", "runs/a/gram.h5: /train") and the exit code that it
/// carries: a damaged result is a matter of files, a damaged input one of data.
struct Origin {
  std::string name;
  ExitCode code = ExitCode::files;
};

/// The error for a call of the operating system that has set errno to `reason`, with what to do about it.
Error system_error(const Origin& origin, int reason);

/// Throws the Error for a call of HDF5 that has just failed: origin, reason of the system where there is one
/// (disk full, permission, quota, size limit), else what HDF5's error stack says and the place of the call.
/// Where a write has failed without a reason the disk itself is asked whether it is full.
[[noreturn]] void fail(const Origin& origin, SourceLocation where);

/// Every HDF5 call's return value goes through here: negative throws as fail() does, anything else is handed
/// on.
template <std::signed_integral Code>
Code check(Code code, const Origin& origin, SourceLocation where = SourceLocation::current()) {
  if (code < 0) fail(origin, where);
  errno = 0;  // what is found here after the next failure comes from that call
  return code;
}

}  // namespace widegram::hdf5
