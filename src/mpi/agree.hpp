#pragma once

#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "src/base/error.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::mpi {

/// An error that every rank of the communicator throws at the same place with the same message.
/// Only the program's main catches it.
class CollectiveError : public Error {
 public:
  using Error::Error;
};

/// Collective. Where any rank brings an error, all ranks throw the CollectiveError of the lowest such rank.
void agree(const Communicator& comm, const std::optional<Error>& local_error);

/// The standard library's error on a file as an Error(files) that names the path and the reason.
Error file_error(const std::filesystem::filesystem_error& error);

/// Runs `work` here and returns the error that it met, if any. What the standard library throws when memory
/// or a file fails becomes an Error too: one rank out of memory stops all.
template <class F>
std::optional<Error> capture(const Communicator& comm, F&& work) {
  try {
    work();
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ExitCode::usage, "out of memory on rank " + std::to_string(comm.rank()) +
                                      ": use more ranks or nodes, or fewer samples");
  } catch (const std::filesystem::filesystem_error& e) {
    return file_error(e);
  }
  return std::nullopt;
}

/// Collective. Runs `work` on every rank, then agrees on its errors. Returns what `work` returned here.
/// `work` must not communicate, since a rank that has failed is already waiting for the others to agree. The
/// one exception are collective calls of HDF5 that all ranks reach, such as closing a file: an error ahead of
/// them that not all ranks share would leave the others waiting, so it must not be possible there, and one in
/// the middle of them is fatal to the run: only the launcher then ends the ranks that wait.
template <class F>
auto collectively(const Communicator& comm, F&& work) {
  using Result = decltype(work());
  if constexpr (std::is_void_v<Result>) {
    agree(comm, capture(comm, work));
  } else {
    std::optional<Result> result;
    agree(comm, capture(comm, [&] { result.emplace(work()); }));
    return std::move(*result);
  }
}

/// Collective. Runs `work` on the root alone, then agrees on its errors: for files that one rank writes.
template <class F>
void on_root(const Communicator& comm, F&& work) {
  collectively(comm, [&] {
    if (comm.is_root()) work();
  });
}

}  // namespace widegram::mpi
