#pragma once

#include <new>
#include <optional>
#include <string>
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

/// Collective. Runs `work` (which must not communicate) on every rank, then agrees on its errors.
/// Returns what `work` returned here. std::bad_alloc becomes an Error too: out of memory on one rank stops all.
template <class F>
auto collectively(const Communicator& comm, F&& work) {
  using Result = decltype(work());
  std::optional<Error> error;
  const auto guarded = [&](auto&& body) {
    try {
      body();
    } catch (const Error& e) {
      error = e;
    } catch (const std::bad_alloc&) {
      error = Error(ExitCode::usage, "out of memory on rank " + std::to_string(comm.rank()) +
                                         ": use more ranks or fewer samples");
    }
    agree(comm, error);
  };
  if constexpr (std::is_void_v<Result>) {
    guarded(work);
  } else {
    std::optional<Result> result;
    guarded([&] { result.emplace(work()); });
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
