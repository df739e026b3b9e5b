#include "src/mpi/communicator.hpp"

#include <exception>
#include <utility>

namespace widegram::mpi {

Communicator::Communicator(MPI_Comm owned) : handle_(owned) {
  check(MPI_Comm_rank(handle_, &rank_));
  check(MPI_Comm_size(handle_, &size_));
}

Communicator Communicator::world() {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &copy));
  return Communicator(copy);
}

Communicator Communicator::self() {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_SELF, &copy));
  return Communicator(copy);
}

Communicator::Communicator(Communicator&& other) noexcept
    : handle_(std::exchange(other.handle_, MPI_COMM_NULL)), rank_(other.rank_), size_(other.size_) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  return *this;
}

Communicator::~Communicator() {
  if (handle_ == MPI_COMM_NULL) return;
  // Freeing is collective: while an exception unwinds one rank alone, the others may never come.
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!finalized && std::uncaught_exceptions() == 0) MPI_Comm_free(&handle_);
}

Communicator Communicator::duplicate() const {
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(handle_, &copy));
  return Communicator(copy);
}

std::string Communicator::broadcast(std::string text, int root) const {
  text.resize(static_cast<std::size_t>(broadcast(static_cast<std::int64_t>(text.size()), root)));
  broadcast(std::span<char>(text.data(), text.size()), root);
  return text;
}

Spread Communicator::spread(double value) const { return {min(value), sum(value) / size_, max(value)}; }

}  // namespace widegram::mpi
