#include <utility>

#include "jobs/dkm_layers.hpp"
#include "jobs/job_tables.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

using S = DkmSection;
using Counts = bool (*)(const S&);

const std::vector<std::string>& kind_names() {
  static const std::vector<std::string> names{"full", "sparse", "convolutional"};
  return names;
}

const std::vector<std::string>& likelihood_names() {
  static const std::vector<std::string> names{"gaussian", "categorical"};
  return names;
}

/// Where keys count, and what a job is told that has them elsewhere.
struct Place {
  Counts counts;
  const char* elsewhere;
};
const Place full{[](const S& s) { return s.is_full(); }, "belongs to dkm.kind = \"full\""};
const Place not_full{[](const S& s) { return !s.is_full(); },
                     "belongs to dkm.kind = \"sparse\" or \"convolutional\""};
const Place sparse{[](const S& s) { return s.kind == DkmKind::sparse; }, "belongs to dkm.kind = \"sparse\""};
const Place layered{[](const S& s) { return !s.is_convolutional(); },
                    "belongs to dkm.kind = \"full\" or \"sparse\": a convolutional machine has layers or a "
                    "preset"};
const Place convolutional{[](const S& s) { return s.is_convolutional(); },
                          "belongs to dkm.kind = \"convolutional\""};
const Place of_preset{[](const S& s) { return s.is_convolutional() && !s.preset.empty(); },
                      "belongs to a dkm.preset; give it in the layers instead"};
const Place one_map{[](const S& s) { return !s.is_convolutional() || !s.preset.empty(); },
                    "belongs to a dkm.preset; the layers name their maps themselves"};
const Place gaussian{[](const S& s) { return !s.is_categorical(); },
                     "belongs to dkm.likelihood = \"gaussian\""};
const Place categorical{[](const S& s) { return s.is_categorical(); },
                        "belongs to dkm.likelihood = \"categorical\""};
const Place by_bqnls{[](const S& s) { return !s.is_adam(); }, "belongs to dkm.optimizer = \"bqnls\""};
const Place by_adam{[](const S& s) { return s.is_adam(); }, "belongs to dkm.optimizer = \"adam\""};

/// A key that counts there alone.
Key<S> in(const Place& place, Key<S> key) {
  return shown_if<S>(std::move(key), place.counts, place.elsewhere);
}

Key<S> kernel_key() {
  return {"kernel", "name or table with op",
          "what makes a layer's kernel of its Gram: arccos (relu's, scaled to keep the diagonal), sqexp, "
          "normgauss, "
          "linear, or an activation, e.g. \"erf\" or { op = \"leaky_relu\", slope = 0.1 }",
          [](S& section, const Value& value) {
            ParsedMap parsed = parse_map(value);
            section.map = std::move(parsed.map);
            section.kernel_toml = std::move(parsed.toml);
          },
          [](const S& section) { return section.kernel_toml; }};
}

Key<S> nu_key() {
  return {"nu", "number or list of numbers, above 0",
          "how strongly each layer's Gram is held near the kernel of the layer before it: one number, or one "
          "a layer; "
          "without end it is the infinitely wide network",
          [](S& section, const Value& value) {
            const Limits positive{.above = 0, .most = 1e30};  // more overflows
            section.nu =
                value.node().is_array() ? value.numbers(positive) : std::vector{value.number(positive)};
            if (section.nu.empty()) value.refuse("is empty: give a number, or one a layer");
          },
          [](const S& section) {
            return section.nu.size() == 1 ? to_toml(section.nu.front()) : to_toml(section.nu);
          }};
}

Key<S> layers_key() {
  return {"layers", "list of tables",
          "the network itself, in place of a preset: see the operations of dkm.layers below",
          [](S& section, const Value& value) {
            ParsedDkmNetwork parsed = parse_dkm_network(value, ",\n          ");
            section.network = std::move(parsed.network);
            section.layers_toml = std::move(parsed.toml);
          },
          [](const S& section) { return section.layers_toml; }};
}

Key<S> preset_key() {
  Key<S> key = choice("preset", &S::preset, {"dkm-resnet20"},
                      "a network by name: the residual network of Milsom et al. 2024, 20 layers deep");
  key.show = [](const S& section) {
    return section.preset.empty() ? std::string() : to_toml(section.preset);
  };
  return key;
}

Key<S> norm_key() {
  return {"norm", "table",
          "a preset's norms, with the keys of the operation norm, e.g. { inducing = \"local\", data = "
          "\"image\" }",
          [](S& section, const Value& value) {
            ParsedNorm parsed = parse_norm(value);
            section.norm = parsed.norm;
            section.norm_toml = std::move(parsed.toml);
          },
          [](const S& section) { return section.norm_toml; }};
}

Key<S> schedule_key() {
  return {
      "schedule", "list of integers, ascending",
      "adam: after so many epochs the rate falls to a tenth; empty: it stays",
      [](S& section, const Value& value) {
        section.schedule = value.integers({.least = 1});
        for (std::size_t i = 1; i < section.schedule.size(); ++i)
          if (section.schedule[i] <= section.schedule[i - 1])
            value.element(i).refuse(fmt::format("= {} is not above the one before it", section.schedule[i]));
      },
      [](const S& section) { return to_toml(section.schedule); }};
}

Key<S> seed_key() {
  return {"seed", "integer, at least 0",
          "of inducing points, mixing weights, order of samples, augmentation and draws",
          [](S& section, const Value& value) {
            section.seed = static_cast<std::uint64_t>(value.integer({.least = 0}));
          },
          [](const S& section) { return to_toml(static_cast<Index>(section.seed)); }};
}

/// What the machine is.
std::vector<Key<S>> machine_keys() {
  return {
      choice("kind", &S::kind, kind_names(),
             "full: a Gram of all training samples a layer; sparse: one of learned inducing points; "
             "convolutional: of inducing patches, on images"),
      in(one_map, kernel_key()),
      in(layered, key("depth", &S::depth, "layers of Grams", {.least = 1, .most = 1000})),
      in(sparse, key("inducing", &S::inducing, "inducing points of every layer", {.least = 1})),
      in(convolutional, preset_key()),
      in(of_preset,
         key("scale", &S::scale, "s of a preset: its three stages have 16 s, 32 s and 64 s inducing points",
             {.least = 1, .most = 1024})),
      in(of_preset, norm_key()),
      in(convolutional, layers_key()),
      nu_key(),
      in(gaussian, key("noise", &S::noise, "variance sigma^2 of the targets around the top layer's function",
                       {.least = 0, .most = 1e30})),
      in(gaussian, key("learn_noise", &S::learn_noise,
                       "noise is where training starts, and is learned; full: within a factor of 10,000")),
      in(full, key("learn_nu", &S::learn_nu,
                   "nu is where training starts, and is learned within a factor of 100: the objective grows "
                   "as nu falls, so expect it at that end")),
      key("jitter", &S::jitter,
          "every kernel's diagonal is multiplied by 1 + jitter (inducing points: and jitter is added); "
          "without it: 1e-8, with inducing points 1e-4",
          {.least = 0, .most = 1}),
      choice("likelihood", &S::likelihood, likelihood_names(),
             "of the targets; categorical, for classes, needs inducing points"),
      in(categorical, key("samples", &S::samples,
                          "draws of the outputs, a sample, that the expected log probability of its class is "
                          "the mean of",
                          {.least = 1, .most = 1e6})),
      in(convolutional, key("zca", &S::zca,
                            "images are whitened by (C + zca m I)^(-1/2), C the covariance of the augmented "
                            "training images and m the mean of its eigenvalues, e.g. 0.1; without it: not",
                            {.least = 0})),
      in(not_full, key("taylor", &S::taylor, "(nu/4) |G^-1 K - I|^2 in place of the KL divergences")),
      in(not_full, key("stochastic", &S::stochastic,
                       "gamma of stochastic kernel regularisation: while training, G + 0.1 I is seen through "
                       "P / gamma random vectors; 0: none",
                       {.least = 0})),
      in(not_full, key("clamp", &S::clamp,
                       "a sample's variance that falls below 0 becomes 0, where it is an error otherwise")),
      in(not_full, choice("precision", &S::precision, {"float64", "float32"},
                          "of the passes over the samples; inducing points are in double")),
      in(not_full, seed_key())};
}

/// How it is trained.
std::vector<Key<S>> training_keys() {
  return {
      choice_or_auto("optimizer", &S::optimizer, {"bqnls", "adam"},
                     "bqnls: bounded quasi-Newton with a line search on all samples at once, by PETSc's TAO; "
                     "adam: on batches; auto: bqnls for full, else adam"),
      in(by_bqnls, key("tolerance", &S::tolerance,
                       "bqnls: training ends where the norm of the objective's gradient is below this, a "
                       "training sample",
                       {.above = 0})),
      in(by_bqnls, key("max_iterations", &S::max_iterations,
                       "bqnls: training ends after so many iterations; a larger number goes on from there",
                       {.least = 1, .most = 1e9})),
      in(by_adam,
         key("epochs", &S::epochs, "adam: walks through the training set; a larger number goes on from there",
             {.least = 1, .most = 1e9})),
      in(not_full,
         key("batch", &S::batch, "samples of a step, and of a prediction, which is worked out batch by batch",
             {.least = 1})),
      in(by_adam, key("rate", &S::rate, "adam: learning rate", {.above = 0})),
      in(by_adam, schedule_key()),
      in(by_adam, key("validation", &S::validation,
                      "adam: share of the training samples, drawn by the seed, that is held out; the "
                      "parameters of the epoch that is best on them make the predictions. 0: none, and the "
                      "last epoch's do",
                      {.least = 0, .most = 0.9})),
      in(convolutional, key("crop", &S::crop,
                            "a training image moves by up to so many pixels each way, drawn anew every "
                            "epoch; zeros come in",
                            {.least = 0, .most = 1000})),
      in(convolutional, key("flip", &S::flip, "half of the training images are mirrored, likewise"))};
}

/// What a full-rank machine is not made for.
void check_full(const toml::table& table, const S& dkm) {
  if (dkm.is_categorical())
    Value(*table.get("likelihood"), "dkm.likelihood")
        .refuse("= \"categorical\" needs inducing points: take dkm.kind = \"sparse\" or \"convolutional\"");
  if (dkm.is_adam())
    Value(*table.get("optimizer"), "dkm.optimizer")
        .refuse("= \"adam\" needs inducing points: take dkm.kind = \"sparse\" or \"convolutional\"");
}

/// Finds the network of a convolutional machine.
void resolve_network(const toml::table& table, const std::string& file, S& dkm) {
  if (!dkm.preset.empty() && table.contains("layers"))
    Value(*table.get("preset"), "dkm.preset").refuse("and dkm.layers are both given: keep one");
  if (!dkm.preset.empty()) dkm.network = dkm::resnet20(dkm.scale, dkm.map, dkm.norm);
  if (dkm.network.empty())
    throw Error(ExitCode::usage, file +
                                     ": dkm.preset or dkm.layers is missing: say which convolutional "
                                     "machine, e.g. preset = \"dkm-resnet20\"");
  if (!dkm.is_adam())
    Value(*table.get("optimizer"), "dkm.optimizer")
        .refuse("= \"bqnls\" takes all samples at once: a convolutional machine is trained by \"adam\"");
}

}  // namespace

std::string to_string(DkmKind kind) { return kind_names().at(static_cast<std::size_t>(kind)); }
std::string to_string(dkm::Likelihood likelihood) {
  return likelihood_names().at(static_cast<std::size_t>(likelihood));
}

const KeyTable<DkmSection>& dkm_keys() {
  static const KeyTable<S> table("dkm", [] {
    std::vector<Key<S>> keys = machine_keys();
    for (Key<S>& key : training_keys()) keys.push_back(std::move(key));
    return keys;
  }());
  return table;
}

void check_dkm(const toml::table& table, const std::string& file, DkmSection& dkm) {
  if (dkm.is_full()) check_full(table, dkm);
  dkm_keys().check(table, "dkm.", dkm);
  const auto refuse = [&](const char* key, const std::string& reason) {
    Value(*table.get(key), fmt::format("dkm.{}", key)).refuse(reason);
  };
  if (dkm.is_convolutional() && dkm.nu.size() != 1)
    refuse("nu", "is one number for a convolutional machine: the operation gram has a nu of its own");
  if (dkm.nu.size() != 1 && std::ssize(dkm.nu) != dkm.depth)
    refuse("nu",
           fmt::format("has {} numbers for {} layers: give one, or one a layer", dkm.nu.size(), dkm.depth));
  if (dkm.learn_noise && dkm.noise == 0)
    refuse("learn_noise", "needs a dkm.noise above 0 to start from: it is learned as a factor");
  if (!dkm.is_full() && !dkm.is_categorical() && dkm.noise == 0)
    refuse("noise", "= 0: a machine with inducing points needs noise above 0");
  if (!dkm.is_adam() && dkm.stochastic > 0)
    refuse("stochastic", "draws anew at every step, which dkm.optimizer = \"adam\" alone can do with");
  if (dkm.is_convolutional()) resolve_network(table, file, dkm);
}

}  // namespace widegram::jobs
