#include "src/kernels/separate_engines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace widegram::kernels {

/// The samples as each engine prepares them.
template <class Real>
class SeparateEngines<Real>::Samples final : public Prepared {
 public:
  struct Part {
    Index networks;
    std::unique_ptr<Prepared> prepared;
  };

  explicit Samples(std::vector<Part> parts) : parts_(std::move(parts)) {}

  Index count() const override { return parts_.front().prepared->count(); }
  double diagonal(Function function, Index i, Index network) const override {
    std::size_t k = 0;
    for (; network >= parts_.at(k).networks; ++k) network -= parts_[k].networks;
    return parts_[k].prepared->diagonal(function, i, network);
  }
  const Prepared& of(std::size_t engine) const { return *parts_[engine].prepared; }

 private:
  std::vector<Part> parts_;
};

template <class Real>
SeparateEngines<Real>::SeparateEngines(std::vector<std::unique_ptr<Engine<Real>>> engines)
    : engines_(std::move(engines)) {}

template <class Real>
Index SeparateEngines<Real>::networks() const {
  return std::accumulate(engines_.begin(), engines_.end(), Index{0},
                         [](Index sum, const auto& engine) { return sum + engine->networks(); });
}

template <class Real>
std::unique_ptr<Prepared> SeparateEngines<Real>::prepare(MatrixView<const Real> inputs,
                                                         std::span<const std::int64_t> ids,
                                                         SampleOrder order) const {
  std::vector<typename Samples::Part> parts;
  for (const auto& engine : engines_)
    parts.push_back({engine->networks(), engine->prepare(inputs, ids, order)});
  return std::make_unique<Samples>(std::move(parts));
}

template <class Real>
void SeparateEngines<Real>::tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
                                 std::span<const TileOutput<Real>> out) const {
  const auto& row_samples = dynamic_cast<const Samples&>(rows);
  const auto& col_samples = dynamic_cast<const Samples&>(cols);
  for (std::size_t k = 0; k < engines_.size(); ++k) {
    const auto networks = static_cast<std::size_t>(engines_[k]->networks());
    engines_[k]->tile(row_samples.of(k), row, col_samples.of(k), col, out.first(networks));
    out = out.subspan(networks);
  }
}

template <class Real>
double SeparateEngines<Real>::flops_per_entry(SampleOrder order) const {
  return std::accumulate(engines_.begin(), engines_.end(), 0.0, [&](double sum, const auto& engine) {
    return sum + engine->flops_per_entry(order);
  });
}

template <class Real>
double SeparateEngines<Real>::bytes_per_sample() const {
  return std::accumulate(engines_.begin(), engines_.end(), 0.0,
                         [](double sum, const auto& engine) { return sum + engine->bytes_per_sample(); });
}

template <class Real>
double SeparateEngines<Real>::tile_bytes() const {
  double bytes = 0;
  for (const auto& engine : engines_) bytes += engine->tile_bytes();
  return bytes;
}

template <class Real>
std::string SeparateEngines<Real>::name() const {
  std::vector<std::string> names;
  for (const auto& engine : engines_)
    if (std::find(names.begin(), names.end(), engine->name()) == names.end()) names.push_back(engine->name());
  return fmt::format("{}", fmt::join(names, ", "));
}

template class SeparateEngines<float>;
template class SeparateEngines<double>;

}  // namespace widegram::kernels
