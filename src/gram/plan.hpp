#pragma once

#include <functional>
#include <vector>

#include "src/base/sample_shape.hpp"
#include "src/gram/operands.hpp"
#include "src/gram/schedule.hpp"
#include "src/kernels/engine.hpp"

namespace widegram::gram {

/// What the plan has to know of the kernel and its data.
struct KernelCost {
  SampleShape shape;
  double flops_per_entry = 0;       ///< of the training Gram: half where mirror images share the work
  double flops_per_test_entry = 0;  ///< of the test x train block
  double bytes_per_sample = 0;      ///< beside the inputs, once prepared
  double tile_bytes = 0;            ///< while tiles are computed
  Index entry_bytes = 4;            ///< of the kernel's precision
  Index grams = 1;                  ///< that come from one pass and go to a file each
};

/// Memory of the rank that holds most.
struct RankBytes {
  double inputs = 0;    ///< of its block rows, block columns and test rows
  double prepared = 0;  ///< what the engine keeps beside them
  double matrix = 0;    ///< its part of the block-cyclic matrix, where one is filled
  double records = 0;   ///< one checksum a tile and file, on every rank
  double scratch = 0;   ///< while tiles are computed
  double vectors = 0;   ///< blocks of vectors that solvers work on beside the matrix
  double total() const { return inputs + prepared + matrix + records + scratch + vectors; }
};

/// What solvers hold on the rank that holds most.
struct SolverBytes {
  Index matrix_entry = 0;  ///< of one entry of the matrix to be filled; 0 where tiles only go to a file
  std::function<double(const Layout&)> vectors{};  ///< of blocks of vectors; empty: none to speak of
};

RankBytes rank_bytes(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
                     const SolverBytes& solver);

/// What one rank has to compute.
struct Work {
  double tiles = 0;
  double entries = 0;  ///< in them, once where two are the same by symmetry
};

/// What an assembly is going to take, from arithmetic alone.
struct Plan {
  Layout layout;
  GlobalIndex test_samples = 0;
  KernelCost kernel;
  SolverBytes solver;
  double imbalance = 1.0;   ///< tiles of the busiest rank over the mean
  Index train_entries = 0;  ///< n (n + 1) / 2
  Index test_entries = 0;   ///< m n
  Work train_work;          ///< of the busiest rank
  Work test_work;
  double samples = 0;  ///< that the first rank, which holds most, prepares
  double flops = 0;    ///< over all ranks
  RankBytes bytes;
  double file_bytes = 0;  ///< of a Gram's file on disk: what is above the diagonal is a hole
  double file_size = 0;   ///< as it is listed

  /// Smallest power of two of ranks with which none needs more than `bytes`; 0 where none up to 2^20 does.
  Index ranks_that_fit(double bytes) const;
};

Plan make_plan(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
               const SolverBytes& solver);

/// A tile to be timed.
struct TileToTime {
  SampleShape shape;
  Index edge = 64;
  kernels::SampleOrder rows = kernels::SampleOrder::single;
  kernels::SampleOrder cols = kernels::SampleOrder::single;
  bool on_diagonal = false;  ///< its columns are its rows; else they are other samples
  std::vector<GramChoice> grams{GramChoice{}};
};

/// Seconds that the whole tile takes on this rank, measured on made-up inputs for about `budget` seconds.
template <class Real>
double measure_tile_seconds(const kernels::Engine<Real>& engine, const TileToTime& tile, double budget = 0.4);

/// Seconds that preparing a sample takes on this rank, measured likewise.
template <class Real>
double measure_sample_seconds(const kernels::Engine<Real>& engine, const SampleShape& shape,
                              double budget = 0.1);

/// What whole tiles were measured to take.
struct TileSeconds {
  double train = 0;     ///< off the diagonal
  double diagonal = 0;  ///< on it
  double test = 0;
  double sample = 0;  ///< preparing one
};

/// How long the busiest rank works: its samples, then both parts. An engine that is faster on the diagonal
/// computes pair by pair, and its tiles count by their entries; for others a tile is a tile, whatever its
/// extent.
double assembly_seconds(const Plan& plan, const TileSeconds& seconds);

extern template double measure_sample_seconds(const kernels::Engine<float>&, const SampleShape&, double);
extern template double measure_sample_seconds(const kernels::Engine<double>&, const SampleShape&, double);
extern template double measure_tile_seconds(const kernels::Engine<float>&, const TileToTime&, double);
extern template double measure_tile_seconds(const kernels::Engine<double>&, const TileToTime&, double);

}  // namespace widegram::gram
