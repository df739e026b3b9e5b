#pragma once

#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/base/index.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

/// What the root has of a field, on every rank. Collective.
inline void share(const mpi::Communicator& comm, std::vector<double>& values) {
  values.resize(static_cast<std::size_t>(comm.broadcast(std::ssize(values))));
  comm.broadcast(std::span<double>(values));
}
inline void share(const mpi::Communicator& comm, std::string& text) {
  text = comm.broadcast(std::move(text));
}
template <class T>
void share(const mpi::Communicator& comm, T& value) requires std::is_arithmetic_v<T> {
  value = comm.broadcast(value);
}

/// Collective. What read(), which returns an optional, has found on the root, field by field on every rank;
/// nothing where it has found nothing. All ranks throw what it throws.
template <class Read, class... Field>
auto read_on_root(const mpi::Communicator& comm, Read&& read, Field... fields) -> decltype(read()) {
  auto result = mpi::collectively(comm, [&] { return comm.is_root() ? read() : std::nullopt; });
  if (comm.max(result ? 1 : 0) == 0) return std::nullopt;
  if (!result) result.emplace();
  (share(comm, (*result).*fields), ...);
  return result;
}

}  // namespace widegram::io
