#include "jobs/activation_parser.hpp"
#include "jobs/job_tables.hpp"

namespace widegram::jobs {
namespace {

const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names{"full", "sparse", "convolutional"};
  return names;
}

/// One that is no activation.
dkm::MapSpec named_map(const Value& value) {
  try {
    return dkm::map_spec(value.text());
  } catch (const Error& error) {
    value.refuse(fmt::format("= {}: {}", to_toml(value.text()), error.what()));
  }
}

Key<DkmSection> kernel_key() {
  return {"kernel", "name or table with op",
          "what makes a layer's kernel of its Gram: arccos (relu's, scaled to keep the diagonal), sqexp, "
          "normgauss, "
          "linear, or an activation, e.g. \"erf\" or { op = \"leaky_relu\", slope = 0.1 }",
          [](DkmSection& section, const Value& value) {
            if (value.node().is_string() && kernels::find_activation_operation(value.text()) == nullptr) {
              section.map = named_map(value);
              section.kernel_toml = to_toml(value.text());
              return;
            }
            ParsedActivation parsed = parse_activation(value);
            section.map = {dkm::MapSpec::Kind::dual, std::move(parsed.activation)};
            section.kernel_toml = std::move(parsed.toml);
          },
          [](const DkmSection& section) { return section.kernel_toml; }};
}

Key<DkmSection> nu_key() {
  return {"nu", "number or list of numbers, above 0",
          "how strongly each layer's Gram is held near the kernel of the layer before it: one number, or one "
          "a layer; "
          "without end it is the infinitely wide network",
          [](DkmSection& section, const Value& value) {
            const Limits positive{.above = 0};
            section.nu =
                value.node().is_array() ? value.numbers(positive) : std::vector{value.number(positive)};
            if (section.nu.empty()) value.refuse("is empty: give a number, or one a layer");
          },
          [](const DkmSection& section) {
            return section.nu.size() == 1 ? to_toml(section.nu.front()) : to_toml(section.nu);
          }};
}

}  // namespace

std::string to_string(DkmKind kind) { return kind_names().at(static_cast<std::size_t>(kind)); }

const KeyTable<DkmSection>& dkm_keys() {
  using S = DkmSection;
  static const KeyTable<S> table(
      "dkm",
      {choice("kind", &S::kind, kind_names(),
              "full: a Gram of all training samples a layer (sparse and convolutional come with a later "
              "version)"),
       kernel_key(), key("depth", &S::depth, "layers of Grams", {.least = 1, .most = 1000}), nu_key(),
       key("noise", &S::noise, "variance sigma^2 of the targets around the top layer's function",
           {.least = 0}),
       key("learn_noise", &S::learn_noise,
           "noise is where training starts, and is learned within a factor of 10,000"),
       key("learn_nu", &S::learn_nu,
           "nu is where training starts, and is learned within a factor of 100: the objective grows as nu "
           "falls, so "
           "expect it at that end"),
       key("jitter", &S::jitter, "every kernel's diagonal is multiplied by 1 + jitter",
           {.least = 0, .most = 1}),
       only<S>("likelihood", "\"gaussian\"", {"\"categorical\""}, "of the targets"),
       only<S>("optimizer", "\"bqnls\"", {"\"adam\""},
               "bounded quasi-Newton with a line search, by PETSc's TAO"),
       key("tolerance", &S::tolerance,
           "training ends where the norm of the objective's gradient is below this, a training sample",
           {.above = 0}),
       key("max_iterations", &S::max_iterations,
           "training ends after so many iterations; a larger number goes on from there", {.least = 1})});
  return table;
}

}  // namespace widegram::jobs
