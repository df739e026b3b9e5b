#pragma once

#include <span>
#include <vector>

#include "src/dist/matrix.hpp"
#include "src/dkm/kernel_map.hpp"

namespace widegram::dkm {

/// A kernel map on Grams that are spread over a grid: symmetric, n x n, of which the lower triangle alone is
/// read and written. Every rank works on what it holds; what crosses the network are n numbers a call.

/// The whole diagonal, the same bits on every rank. Collective over the grid.
std::vector<double> gathered_diagonal(const dist::DistributedMatrix<double>& a);

/// K <- K(G), each diagonal entry times 1 + jitter. diagonal: that of G. n^2 / 2 values. No communication.
void apply_map(const KernelMap<double>& map, const dist::DistributedMatrix<double>& gram,
               std::span<const double> diagonal, double jitter, dist::DistributedMatrix<double>& kernel);

/// The adjoint: from dL = tr(d dK), d symmetric, to dL = tr(d dG), in d's place. Collective over the grid.
void apply_map_adjoint(const KernelMap<double>& map, const dist::DistributedMatrix<double>& gram,
                       std::span<const double> diagonal, double jitter, dist::DistributedMatrix<double>& d);

/// Grams G_1 ... G_L of the infinitely wide network with this map, G_l = K(G_{l-1}). Collective over the
/// grid.
std::vector<dist::DistributedMatrix<double>> nngp_grams(const KernelMap<double>& map,
                                                        const dist::DistributedMatrix<double>& input_gram,
                                                        Index layers, double jitter);

}  // namespace widegram::dkm
