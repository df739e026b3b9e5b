#pragma once

#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "src/base/matrix_view.hpp"
#include "src/kernels/activation.hpp"

namespace widegram::dkm {

/// What turns a layer's Gram G into the kernel K that the next layer is compared with: K_ij = k(G_ii, G_ij,
/// G_jj) and, for a member with itself, K_ii = d(G_ii). One block of pairs at a time: members i on the left,
/// j on the right. In a symmetric Gram the pairs (i, i) are the diagonal's, since k has a kink or a root
/// there for some maps: values() and adjoint() on all of it, then diagonal() and diagonal_adjoint() in place
/// of what they left at (i, i), with d_out zero there (see symmetric_values() below).
template <class Real>
class KernelMap {
 public:
  virtual ~KernelMap() = default;

  /// out(i, j) = k(left[i], cross(i, j), right[j]); cross, out: left.size() x right.size(), may be the same
  /// memory. |cross| beyond sqrt(left right), by rounding, counts as equal to it.
  virtual void values(MatrixView<const Real> cross, std::span<const Real> left, std::span<const Real> right,
                      MatrixView<Real> out) const = 0;

  /// From the derivative by out those by cross (set; may be the memory of d_out), left and right (added to).
  virtual void adjoint(MatrixView<const Real> cross, std::span<const Real> left, std::span<const Real> right,
                       MatrixView<const Real> d_out, MatrixView<Real> d_cross, std::span<Real> d_left,
                       std::span<Real> d_right) const = 0;

  /// out[i] = d(g[i]); may be the same memory.
  virtual void diagonal(std::span<const Real> g, std::span<Real> out) const = 0;

  /// d_g[i] += d'(g[i]) d_out[i].
  virtual void diagonal_adjoint(std::span<const Real> g, std::span<const Real> d_out,
                                std::span<Real> d_g) const = 0;
};

/// Which map. Source of the four names: Yang et al. 2023, A theory of representation learning gives a deep
/// generalisation of kernel methods; they are duals too: arccos is twice relu's (K_ii = G_ii), sqexp = exp(c
/// - (a + b)/2) is rbf's with gamma 1/2, normgauss = n exp(c/n - 1), n = sqrt(a b), that of a normalised
/// exponential; linear is K = G.
struct MapSpec {
  enum class Kind { arccos, sqexp, normgauss, linear, dual };
  Kind kind = Kind::arccos;
  kernels::Activation activation{};  ///< of a dual
};

/// "arccos", "sqexp", "normgauss", "linear" (no parameters), or an activation of the job file with its
/// parameters. Throws Error(usage) with the nearest name for an unknown one.
MapSpec map_spec(const std::string& name, const kernels::ActivationParameters& parameters = {});

/// Derivatives of a dual D(a, c, b) = E[phi(u) phi(v)]: by c it is E[phi'(u) phi'(v)] (Price), by a (E[u
/// phi'(u) phi(v)] - c D_c)/(2a) (Stein), in closed form where D has one, else by series; where a series
/// does not reach (kernels::apply_dual), by differences of quadratures, to 1e-7. Cost an entry of adjoint():
/// twice that of kernels::apply_dual(); arccos has its own vector code.
template <class Real>
std::unique_ptr<KernelMap<Real>> make_kernel_map(const MapSpec& spec);

/// A whole symmetric Gram with its diagonal: out may be gram's memory.
template <class Real>
void symmetric_values(const KernelMap<Real>& map, MatrixView<const std::type_identity_t<Real>> gram,
                      MatrixView<std::type_identity_t<Real>> out);

/// Its adjoint: d_gram is set to the symmetric derivative that belongs to the symmetric d_out.
template <class Real>
void symmetric_adjoint(const KernelMap<Real>& map, MatrixView<const std::type_identity_t<Real>> gram,
                       MatrixView<const std::type_identity_t<Real>> d_out,
                       MatrixView<std::type_identity_t<Real>> d_gram);

}  // namespace widegram::dkm
