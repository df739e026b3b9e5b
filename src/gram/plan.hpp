#pragma once

#include "src/base/sample_shape.hpp"
#include "src/gram/schedule.hpp"
#include "src/kernels/engine.hpp"

namespace widegram::gram {

/// What the plan has to know of the kernel and its data.
struct KernelCost {
  SampleShape shape;
  double flops_per_entry = 0;
  double bytes_per_sample = 0;  ///< beside the inputs, once prepared
  Index entry_bytes = 4;        ///< of the kernel's precision
};

/// Memory of the rank that holds most.
struct RankBytes {
  double inputs = 0;    ///< of its block rows, block columns and test rows
  double prepared = 0;  ///< what the engine keeps beside them
  double matrix = 0;    ///< its part of the block-cyclic matrix, where one is filled
  double records = 0;   ///< one checksum a tile, on every rank
  double total() const { return inputs + prepared + matrix + records; }
};

/// matrix_entry_bytes: of one entry of the matrix to be filled; 0 where tiles only go to a file.
RankBytes rank_bytes(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
                     Index matrix_entry_bytes);

/// What an assembly is going to take, from arithmetic alone.
struct Plan {
  Layout layout;
  GlobalIndex test_samples = 0;
  KernelCost kernel;
  Index matrix_entry_bytes = 0;
  double imbalance = 1.0;   ///< tiles of the busiest rank over the mean
  Index train_entries = 0;  ///< n (n + 1) / 2
  Index test_entries = 0;   ///< m n
  double tiles_a_rank = 0;  ///< computed by the busiest rank, training and test
  double flops = 0;         ///< over all ranks
  RankBytes bytes;
  double file_bytes = 0;  ///< of gram.h5 on disk: what is above the diagonal is a hole
  double file_size = 0;   ///< as it is listed

  /// Smallest power of two of ranks with which none needs more than `bytes`; 0 where none up to 2^20 does.
  Index ranks_that_fit(double bytes) const;
};

Plan make_plan(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
               Index matrix_entry_bytes);

/// Seconds that one whole training tile takes on this rank, measured on made-up inputs for about `budget`
/// seconds.
template <class Real>
double measure_tile_seconds(const kernels::Engine<Real>& engine, kernels::Function function,
                            const SampleShape& shape, Index tile, double budget = 0.2);

extern template double measure_tile_seconds(const kernels::Engine<float>&, kernels::Function,
                                            const SampleShape&, Index, double);
extern template double measure_tile_seconds(const kernels::Engine<double>&, kernels::Function,
                                            const SampleShape&, Index, double);

}  // namespace widegram::gram
