#pragma once

#include <mpi.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "src/base/index.hpp"
#include "src/mpi/check.hpp"

namespace widegram::mpi {

template <class T>
MPI_Datatype datatype() {
  if constexpr (std::is_same_v<T, double>)
    return MPI_DOUBLE;
  else if constexpr (std::is_same_v<T, float>)
    return MPI_FLOAT;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return MPI_INT64_T;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return MPI_UINT64_T;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return MPI_INT32_T;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return MPI_UINT8_T;
  else if constexpr (std::is_same_v<T, std::int8_t>)
    return MPI_INT8_T;
  else if constexpr (std::is_same_v<T, char>)
    return MPI_CHAR;
  else
    static_assert(!sizeof(T), "no MPI datatype for this type");
}

/// Least, mean and largest value of one number over the ranks.
struct Spread {
  double min = 0;
  double mean = 0;
  double max = 0;
};

/// A group of ranks that talk to each other. Move-only; owns its MPI handle (a duplicate, never the world
/// itself). Every member but rank() and size() and the point-to-point ones is collective over the group.
/// Counts may pass 2^31.
class Communicator {
 public:
  /// Duplicate of MPI_COMM_WORLD. Collective over the world.
  static Communicator world();
  /// This process alone.
  static Communicator self();

  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;
  ~Communicator();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool is_root() const { return rank_ == 0; }
  MPI_Comm handle() const { return handle_; }

  Communicator duplicate() const;

  void barrier() const { check(MPI_Barrier(handle_)); }

  template <class T>
  void broadcast(std::span<T> values, int root = 0) const {
    in_pieces(static_cast<Index>(values.size()), [&](Index begin, int count) {
      check(MPI_Bcast(values.data() + begin, count, datatype<T>(), root, handle_));
    });
  }
  template <class T>
  T broadcast(T value, int root = 0) const requires std::is_arithmetic_v<T> {
    broadcast(std::span<T>(&value, 1), root);
    return value;
  }
  std::string broadcast(std::string text, int root = 0) const;

  template <class T>
  void all_reduce(std::span<T> values, MPI_Op op) const {
    if constexpr (std::is_unsigned_v<T>)
      if (op == MPI_MAX || op == MPI_MIN) return reduce_in_order(values, op);
    in_pieces(static_cast<Index>(values.size()), [&](Index begin, int count) {
      check(MPI_Allreduce(MPI_IN_PLACE, values.data() + begin, count, datatype<T>(), op, handle_));
    });
  }
  template <class T>
  T sum(T value) const {
    return reduced(value, MPI_SUM);
  }
  template <class T>
  T max(T value) const {
    return reduced(value, MPI_MAX);
  }
  template <class T>
  T min(T value) const {
    return reduced(value, MPI_MIN);
  }
  Spread spread(double value) const;

  /// One value of each rank, in rank order, on every rank.
  template <class T>
  std::vector<T> all_gather(T value) const {
    std::vector<T> all(static_cast<std::size_t>(size_));
    check(MPI_Allgather(&value, 1, datatype<T>(), all.data(), 1, datatype<T>(), handle_));
    return all;
  }

  template <class T>
  void send(std::span<const T> values, int to, int tag = 0) const {
    in_pieces(static_cast<Index>(values.size()), [&](Index begin, int count) {
      check(MPI_Send(values.data() + begin, count, datatype<T>(), to, tag, handle_));
    });
  }
  template <class T>
  void receive(std::span<T> values, int from, int tag = 0) const {
    in_pieces(static_cast<Index>(values.size()), [&](Index begin, int count) {
      check(MPI_Recv(values.data() + begin, count, datatype<T>(), from, tag, handle_, MPI_STATUS_IGNORE));
    });
  }

 private:
  explicit Communicator(MPI_Comm owned);

  template <class T>
  T reduced(T value, MPI_Op op) const {
    all_reduce(std::span<T>(&value, 1), op);
    return value;
  }
  /// The largest or least of unsigned numbers, as signed ones of the same order: MPICH 4.0 takes unsigned
  /// ones for signed when it compares them.
  template <class T>
  void reduce_in_order(std::span<T> values, MPI_Op op) const {
    using Signed = std::make_signed_t<T>;
    const auto turn_top_bit = [&] {
      constexpr T below = std::numeric_limits<Signed>::max();
      for (T& value : values) value = static_cast<T>(value ^ (below + 1));
    };
    turn_top_bit();
    all_reduce(std::span(reinterpret_cast<Signed*>(values.data()), values.size()), op);
    turn_top_bit();
  }
  /// MPI 3 counts are 32-bit: long messages go in pieces.
  template <class F>
  static void in_pieces(Index total, F&& move) {
    constexpr Index piece = Index{1} << 28;
    for (Index begin = 0; begin < total; begin += piece)
      move(begin, static_cast<int>(total - begin < piece ? total - begin : piece));
  }

  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace widegram::mpi
