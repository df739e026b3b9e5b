#include "src/dist/symmetry.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "src/dist/tiling.hpp"

namespace widegram::dist {
namespace {

template <class T>
void copy_transposed(MatrixView<const T> from, MatrixView<T> to) {
  for (Index j = 0; j < to.cols; ++j)
    for (Index i = 0; i < to.rows; ++i) to(i, j) = from(j, i);
}

/// Mirrors block by block: a source block (i, j) goes, transposed by its owner, to the owner of block (j, i).
/// A step takes all pairs of blocks with one and the same smaller index; messages between two ranks keep
/// their order, so steps need no barrier and no tags.
template <class T>
class Mirror {
 public:
  /// from_below(d, d): whether a diagonal block's lower triangle is the source.
  Mirror(DistributedMatrix<T>& a, CopiesFromBelow from_below)
      : a_(a), from_below_(std::move(from_below)), blocks_{a.rows(), a.block()} {
    if (a.rows() != a.cols()) throw std::logic_error("only a square matrix has triangles to mirror");
  }

  void run() {
    for (TileIndex low = 0; low < blocks_.count(); ++low) {
      mirror_diagonal(low);
      exchange(low);
    }
  }

 private:
  struct Place {
    Range rows;
    Range cols;
  };
  Place source(TileIndex low, TileIndex high) const {
    const Range l = blocks_.range(low);
    const Range h = blocks_.range(high);
    return from_below_(high, low) ? Place{h, l} : Place{l, h};
  }
  Place target(TileIndex low, TileIndex high) const {
    const Place s = source(low, high);
    return {s.cols, s.rows};
  }
  int owner(const Place& p) const { return a_.owner(p.rows.begin, p.cols.begin); }

  void mirror_diagonal(TileIndex d) {
    const Place place = source(d, d);
    if (owner(place) != me_) return;
    const MatrixView<T> block = a_.local_block(place.rows, place.cols);
    const bool from_below = from_below_(d, d);
    for (Index j = 0; j < block.cols; ++j)
      for (Index i = j + 1; i < block.rows; ++i) {
        if (from_below)
          block(j, i) = block(i, j);
        else
          block(i, j) = block(j, i);
      }
  }

  void exchange(TileIndex low) {
    requests_.clear();
    std::vector<TileIndex> sent;
    std::vector<TileIndex> received;
    for (TileIndex high = low + 1; high < blocks_.count(); ++high) {
      const bool have = owner(source(low, high)) == me_;
      const bool want = owner(target(low, high)) == me_;
      if (have && want)
        copy_here(low, high);
      else if (have)
        sent.push_back(high);
      else if (want)
        received.push_back(high);
    }
    const Index room = a_.block() * a_.block();
    outgoing_.resize(sent.size() * static_cast<std::size_t>(room));
    incoming_.resize(received.size() * static_cast<std::size_t>(room));
    T* next = incoming_.data();
    for (const TileIndex high : received) {
      const Place from = source(low, high);
      start(&MPI_Irecv, next, from.rows.size() * from.cols.size(), owner(from));
      next += room;
    }
    next = outgoing_.data();
    for (const TileIndex high : sent) {
      const Place to = target(low, high);
      copy_transposed<T>(block(source(low, high)), {next, to.rows.size(), to.cols.size()});
      start(&MPI_Isend, next, to.rows.size() * to.cols.size(), owner(to));
      next += room;
    }
    mpi::check(MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE));
    next = incoming_.data();
    for (const TileIndex high : received) {
      const MatrixView<T> to = block(target(low, high));
      for (Index j = 0; j < to.cols; ++j) std::copy_n(next + j * to.rows, to.rows, to.column(j));
      next += room;
    }
  }

  MatrixView<T> block(const Place& p) { return a_.local_block(p.rows, p.cols); }
  void copy_here(TileIndex low, TileIndex high) {
    copy_transposed<T>(block(source(low, high)), block(target(low, high)));
  }
  template <class F>
  void start(F* transfer, T* data, Index count, int peer) {
    requests_.push_back(MPI_REQUEST_NULL);
    mpi::check(transfer(data, static_cast<int>(count), mpi::datatype<T>(), peer, 0, a_.grid().comm().handle(),
                        &requests_.back()));
  }

  DistributedMatrix<T>& a_;
  CopiesFromBelow from_below_;
  Tiling blocks_;
  int me_ = a_.grid().comm().rank();
  std::vector<T> outgoing_;
  std::vector<T> incoming_;
  std::vector<MPI_Request> requests_;
};

}  // namespace

template <class T>
void mirror(DistributedMatrix<T>& a, const CopiesFromBelow& from_below) {
  Mirror<T>(a, [&](TileIndex row, TileIndex col) { return row == col || from_below(row, col); }).run();
}

template <class T>
void mirror_lower(DistributedMatrix<T>& a) {
  mirror<T>(a, [](TileIndex, TileIndex) { return true; });
}

template <class T>
void mirror_upper(DistributedMatrix<T>& a) {
  Mirror<T>(a, [](TileIndex, TileIndex) { return false; }).run();
}

template void mirror(DistributedMatrix<float>&, const CopiesFromBelow&);
template void mirror(DistributedMatrix<double>&, const CopiesFromBelow&);
template void mirror_lower(DistributedMatrix<float>&);
template void mirror_lower(DistributedMatrix<double>&);
template void mirror_upper(DistributedMatrix<float>&);
template void mirror_upper(DistributedMatrix<double>&);

}  // namespace widegram::dist
