#include "src/dkm/kernel_map.hpp"

#include <algorithm>
#include <array>
#include <variant>
#include <vector>

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"
#include "src/dkm/dual_map.hpp"
#include "src/dkm/series_map.hpp"

namespace widegram::dkm {
namespace {

using Kind = MapSpec::Kind;

struct NamedKind {
  const char* name;
  Kind kind;
};
constexpr std::array<NamedKind, 4> named_kinds{{{"arccos", Kind::arccos},
                                                {"sqexp", Kind::sqexp},
                                                {"normgauss", Kind::normgauss},
                                                {"linear", Kind::linear}}};

/// K = G.
template <class Real>
class LinearMap final : public KernelMap<Real> {
 public:
  void values(MatrixView<const Real> cross, std::span<const Real>, std::span<const Real>,
              MatrixView<Real> out) const override {
    copy_block(cross, out);
  }
  void adjoint(MatrixView<const Real>, std::span<const Real>, std::span<const Real>,
               MatrixView<const Real> d_out, MatrixView<Real> d_cross, std::span<Real>,
               std::span<Real>) const override {
    copy_block(d_out, d_cross);
  }
  void diagonal(std::span<const Real> g, std::span<Real> out) const override {
    std::copy(g.begin(), g.end(), out.begin());
  }
  void diagonal_adjoint(std::span<const Real>, std::span<const Real> d_out,
                        std::span<Real> d_g) const override {
    for (std::size_t i = 0; i < d_g.size(); ++i) d_g[i] += d_out[i];
  }
};

template <class Real, class Closed>
std::unique_ptr<KernelMap<Real>> dual_map(const Closed& activation, double factor = 1) {
  return std::make_unique<DualMap<Real, Closed>>(activation, factor);
}

template <class Real>
struct MakeDual {
  std::unique_ptr<KernelMap<Real>> operator()(const kernels::Polynomial& f) const {
    return make_series_map<Real>(f);
  }
  std::unique_ptr<KernelMap<Real>> operator()(const kernels::Numerical& f) const {
    return make_series_map<Real>(f);
  }
  std::unique_ptr<KernelMap<Real>> operator()(const auto& closed) const { return dual_map<Real>(closed); }
};

}  // namespace

MapSpec map_spec(const std::string& name, const kernels::ActivationParameters& parameters) {
  for (const NamedKind& known : named_kinds) {
    if (name != known.name) continue;
    if (!parameters.empty())
      throw Error(ExitCode::usage, "the kernel map " + name + " takes no parameters, but was given " +
                                       parameters.begin()->first);
    return {known.kind, {}};
  }
  if (kernels::find_activation_operation(name) != nullptr)
    return {Kind::dual, kernels::make_activation(name, parameters)};
  std::vector<std::string> names;
  for (const NamedKind& known : named_kinds) names.emplace_back(known.name);
  for (const auto& operation : kernels::activation_operations()) names.push_back(operation.name);
  throw Error(ExitCode::usage, "no kernel map is called '" + name + "'" + suggestion(name, names));
}

template <class Real>
std::unique_ptr<KernelMap<Real>> make_kernel_map(const MapSpec& spec) {
  switch (spec.kind) {
    case Kind::arccos:
      return dual_map<Real>(kernels::AbRelu{}, 2);
    case Kind::sqexp:
      return dual_map<Real>(kernels::Rbf{.gamma = 0.5});
    case Kind::normgauss:
      return dual_map<Real>(kernels::NormalizedExponential{});
    case Kind::linear:
      return std::make_unique<LinearMap<Real>>();
    case Kind::dual:
      break;
  }
  return std::visit(MakeDual<Real>(), spec.activation);
}
template std::unique_ptr<KernelMap<float>> make_kernel_map(const MapSpec&);
template std::unique_ptr<KernelMap<double>> make_kernel_map(const MapSpec&);

namespace {

template <class Real>
std::vector<Real> diagonal_of(MatrixView<const Real> matrix) {
  std::vector<Real> diagonal(static_cast<std::size_t>(matrix.rows));
  for (Index i = 0; i < matrix.rows; ++i) diagonal[static_cast<std::size_t>(i)] = matrix(i, i);
  return diagonal;
}

}  // namespace

template <class Real>
void symmetric_values(const KernelMap<Real>& map, MatrixView<const std::type_identity_t<Real>> gram,
                      MatrixView<std::type_identity_t<Real>> out) {
  std::vector<Real> diagonal = diagonal_of(gram);
  map.values(gram, diagonal, diagonal, out);
  map.diagonal(diagonal, diagonal);
  for (Index i = 0; i < gram.rows; ++i) out(i, i) = diagonal[static_cast<std::size_t>(i)];
}

template <class Real>
void symmetric_adjoint(const KernelMap<Real>& map, MatrixView<const std::type_identity_t<Real>> gram,
                       MatrixView<const std::type_identity_t<Real>> d_out,
                       MatrixView<std::type_identity_t<Real>> d_gram) {
  const std::vector<Real> diagonal = diagonal_of(gram), d_diagonal = diagonal_of(d_out);
  copy_block(d_out, d_gram);
  for (Index i = 0; i < gram.rows; ++i) d_gram(i, i) = 0;
  std::vector<Real> sums(diagonal.size()), other_sums(diagonal.size());
  map.adjoint(gram, diagonal, diagonal, d_gram, d_gram, sums, other_sums);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += other_sums[i];
  map.diagonal_adjoint(diagonal, d_diagonal, sums);
  for (Index i = 0; i < gram.rows; ++i) d_gram(i, i) = sums[static_cast<std::size_t>(i)];
}

template void symmetric_values(const KernelMap<float>&, MatrixView<const float>, MatrixView<float>);
template void symmetric_values(const KernelMap<double>&, MatrixView<const double>, MatrixView<double>);
template void symmetric_adjoint(const KernelMap<float>&, MatrixView<const float>, MatrixView<const float>,
                                MatrixView<float>);
template void symmetric_adjoint(const KernelMap<double>&, MatrixView<const double>, MatrixView<const double>,
                                MatrixView<double>);

}  // namespace widegram::dkm
