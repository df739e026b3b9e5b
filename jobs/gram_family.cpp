#include "jobs/gram_family.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace widegram::jobs {

std::vector<gram::GramChoice> GramFamily::choices() const {
  std::vector<gram::GramChoice> all;
  for (const FamilyMember& member : members) all.push_back(member.choice);
  return all;
}

std::vector<std::string> GramFamily::files() const {
  std::vector<std::string> all;
  for (const FamilyMember& member : members) all.push_back(member.file);
  return all;
}

GramFamily gram_family(const KernelSection& kernel) {
  using kernels::Function;
  const Function other = kernel.function == Function::ntk ? Function::nngp : Function::ntk;
  GramFamily family;
  const auto add = [&](Index network, const std::string& name) {
    family.members.push_back({{network, kernel.function}, name + ".h5"});
    if (kernel.both)
      family.members.push_back({{network, other}, fmt::format("{}-{}.h5", name, to_string(other))});
  };
  if (kernel.depths.empty()) {
    family.networks = {kernel.network};
    add(0, "gram");
    return family;
  }
  family.networks = kernel.depth_networks;
  const auto own =
      std::find(kernel.depths.begin(), kernel.depths.end(), kernel.depth.value()) - kernel.depths.begin();
  add(own, "gram");
  for (std::size_t k = 0; k < kernel.depths.size(); ++k)
    if (static_cast<std::ptrdiff_t>(k) != own)
      add(static_cast<Index>(k), fmt::format("gram-depth{}", kernel.depths[k]));
  return family;
}

kernels::SampleOrder training_order(const DataSection& data) {
  return data.augment == Augment::flip ? kernels::SampleOrder::flip_pairs : kernels::SampleOrder::single;
}

std::string to_string(kernels::Function function) {
  return function == kernels::Function::ntk ? "ntk" : "nngp";
}

}  // namespace widegram::jobs
