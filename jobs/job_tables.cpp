#include "jobs/job_tables.hpp"

#include "jobs/activation_parser.hpp"
#include "jobs/layer_parser.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

Key<KernelSection> activation_key() {
  return {"activation", "name or table with op",
          "a preset's activation, e.g. \"erf\" or { op = \"leaky_relu\", slope = 0.1 }",
          [](KernelSection& section, const Value& value) {
            ParsedActivation parsed = parse_activation(value);
            section.activation = std::move(parsed.activation);
            section.activation_toml = std::move(parsed.toml);
          },
          [](const KernelSection& section) { return section.activation_toml; }};
}

Key<KernelSection> layers_key() {
  return {"layers", "list of tables", "the network itself, in place of a preset: see the operations below",
          [](KernelSection& section, const Value& value) {
            ParsedNetwork parsed = parse_network(value, ",\n          ");
            section.network = std::move(parsed.network);
            section.layers_toml = std::move(parsed.toml);
          },
          [](const KernelSection& section) { return section.layers_toml; }};
}

/// Steps are checked where they stand, so that a slip is named by its line.
Key<DataSection> preprocess_key() {
  return {"preprocess", type_name(std::vector<std::string>()),
          "steps in order, their statistics from the training set alone: scale(a), standardize, center, "
          "normalize, zca(eps)",
          [](DataSection& section, const Value& value) {
            try {
              section.preprocess = io::parse_steps(value.texts());
            } catch (const Error& error) {
              value.refuse(fmt::format("= {}: {}", to_toml(value.texts()), error.what()));
            }
          },
          [](const DataSection& section) {
            std::vector<std::string> texts;
            for (const io::Step& step : section.preprocess) texts.push_back(io::to_string(step));
            return to_toml(texts);
          }};
}

const std::vector<std::string>& selection_names() {
  static const std::vector<std::string> names{"loo", "holdout", "evidence"};
  return names;
}

Key<SpectrumSection> fit_key() {
  return {
      "fit", "[first, last]",
      "ranks of the eigenvalues, counted from 1 at the largest, that power laws are fitted to, by least "
      "squares "
      "between logarithms in which a rank k weighs 1/k; the error of an exponent is that of such a fit to "
      "independent noise; without it: 10 to half of the samples",
      [](SpectrumSection& section, const Value& value) {
        section.fit = value.integers({.least = 1});
        if (section.fit.size() != 2 || section.fit[1] < section.fit[0] + 2)
          value.refuse(fmt::format("= {} must be the first and the last of at least 3 ranks, e.g. [10, 500]",
                                   to_toml(section.fit)));
      },
      [](const SpectrumSection& section) {
        return section.fit.empty() ? std::string() : to_toml(section.fit);
      }};
}

Key<DynamicsSection> times_key() {
  return {"times", "list of numbers, ascending",
          "that outputs and losses are worked out for, from 0 to inf; steps under descent = \"steps\"",
          [](DynamicsSection& section, const Value& value) {
            section.times = value.numbers({.least = 0, .infinite = true});
            if (section.times.empty()) value.refuse("is empty: name the times to look at");
            for (std::size_t i = 1; i < section.times.size(); ++i)
              if (!(section.times[i] > section.times[i - 1]))
                value.element(i).refuse(
                    fmt::format("= {} is not above the one before it", to_toml(section.times[i])));
          },
          [](const DynamicsSection& section) { return to_toml(section.times); }};
}

}  // namespace

std::string to_string(Selection selection) {
  return selection_names().at(static_cast<std::size_t>(selection));
}

const KeyTable<Job>& top_keys() {
  static const KeyTable<Job> table(
      "",
      {key("name", &Job::name, "what reports call the job; without it: the job file's name without .toml"),
       key("output", &Job::output,
           "folder that results go to, made where it is missing; without it: runs/NAME")},
      {"data", "kernel", "gram", "solve", "predict", "spectrum", "dynamics", "dkm", "petsc"});
  return table;
}

const KeyTable<DataSection>& data_keys() {
  using S = DataSection;
  static const KeyTable<S> table(
      "data",
      {key("train", &S::train,
           "training set: a built-in name (digits:train, fashion-mnist:train, ...) or a path, with an "
           "optional slice "
           "[from:to]"),
       key("test", &S::test, "test set, the same way; empty: none"),
       choice("format", &S::format, io::data_formats(),
              "file format; auto: by the file's first bytes and its name"),
       key("labels", &S::labels,
           "where labels are: a path (idx, npy) or a column's name or number (csv); auto: the file that the "
           "usual names "
           "suggest, for csv the column label, class, target or y, else the last"),
       key("test_labels", &S::test_labels,
           "the same for the test set; auto: `labels` where both sets lie in one file or in csv tables, else "
           "guessed likewise"),
       choice("targets", &S::targets, {"auto", "classes", "values"},
              "what labels mean; auto: classes where they are whole numbers or words"),
       choice("encoding", &S::encoding, {"centered", "one-hot"},
              "targets of a class: one-hot minus 1/K, or one-hot; the predicted class is the largest output"),
       key("features", &S::features,
           "libsvm: how many features both sets have; 0: as many as the training set's largest index",
           {.least = 0, .most = 2147483647}),
       preprocess_key(),
       key("preprocess_from", &S::preprocess_from,
           "set that the statistics of preprocess come from, given like train; empty: the training set. With "
           "a fixed one the "
           "Gram of a training set can grow"),
       choice("augment", &S::augment, {"none", "flip"},
              "flip: behind every training image comes its left-right mirror image, once it is preprocessed; "
              "test "
              "sets stay as they are")});
  return table;
}

const KeyTable<KernelSection>& kernel_keys() {
  using S = KernelSection;
  static const KeyTable<S> table(
      "kernel", {choice("function", &S::function, {"nngp", "ntk"},
                        "covariance of the network's outputs, or its neural tangent kernel"),
                 choice("precision", &S::precision, {"float32", "float64"}, "of the Gram's entries"),
                 key("preset", &S::preset, "a network by name: " + alternatives(kernels::preset_names())),
                 key("depth", &S::depth, "a preset's hidden weight layers; without it: the preset's own",
                     {.least = 1, .most = 10000}),
                 key("weight_variance", &S::weight_variance,
                     "a preset's hidden weight variance W_std^2; without it: the preset's own", {.above = 0}),
                 key("bias_variance", &S::bias_variance,
                     "a preset's hidden bias variance b_std^2; without it: the preset's own", {.least = 0}),
                 activation_key(), layers_key(),
                 key("both", &S::both,
                     "NNGP and NTK from one pass: the other function than `function` goes to gram-nngp.h5 or "
                     "gram-ntk.h5"),
                 key("depths", &S::depths,
                     "several depths of a preset from one pass: gram.h5 and the model take `depth`, one of "
                     "them (without "
                     "it: the last), the others go to gram-depth3.h5, gram-depth3-nngp.h5, ...; each of them "
                     "is the Gram of "
                     "a job with that depth and function alone, and serves one as its gram.h5",
                     {.least = 1, .most = 10000})});
  return table;
}

const KeyTable<GramSection>& gram_keys() {
  using S = GramSection;
  static const KeyTable<S> table(
      "gram",
      {key("tile", &S::tile, "edge of the square of entries that is computed, checksummed and saved as one",
           {.least = 8, .most = 1024, .multiple_of = 8}),
       key("checkpoint_every", &S::checkpoint_every, "longest time between saves of finished tiles",
           {.above = 0}),
       choice("mode", &S::mode, {"stored", "recompute", "out-of-core"},
              "where the training Gram is while it is solved on: in memory; nowhere, computed anew by "
              "conjugate gradients "
              "at every iteration; or in gram.h5 alone, which they then read once an iteration"),
       key("memory_limit", &S::memory_limit,
           "most memory that a rank may plan with; without it: its share of what the machine has",
           {.least = 1})});
  return table;
}

const KeyTable<SolveSection>& solve_keys() {
  using S = SolveSection;
  static const KeyTable<S> table(
      "solve",
      {choice("method", &S::method, {"auto", "cholesky", "cg"},
              "auto: conjugate gradients where the Gram is not in memory, or where they were measured to "
              "promise half of Cholesky's time, which takes over if they break the promise; else Cholesky. "
              "cg: conjugate gradients by PETSc"),
       shown_if<S>(key("ridge", &S::ridge, "added to the diagonal, relative to the Gram's mean diagonal",
                       {.least = 0}),
                   [](const S& solve) { return !solve.ridge_absolute && solve.ridges.empty(); }),
       key("ridge_absolute", &S::ridge_absolute, "in place of ridge: the plain value", {.least = 0}),
       key("ridges", &S::ridges,
           "in place of ridge: several, relative to the Gram's mean diagonal, of which selection picks one",
           {.least = 0}),
       shown_if<S>(choice("selection", &S::selection, selection_names(),
                          "how the ridge is picked, by training samples alone: exact leave-one-out squared "
                          "error, squared error on "
                          "samples held out, or the evidence of the Gaussian process"),
                   [](const S& solve) { return !solve.ridges.empty(); }),
       shown_if<S>(
           key("holdout", &S::holdout,
               "share of the training samples that selection = \"holdout\" holds out, drawn at random",
               {.above = 0, .most = 0.9}),
           [](const S& solve) { return !solve.ridges.empty() && solve.selection == Selection::holdout; }),
       choice("precision", &S::precision, {"float64", "mixed"},
              "of Cholesky: double; or float32 with refinement in double to a residual of 1e-10, which falls "
              "back to double by itself"),
       key("tolerance", &S::tolerance, "cg: residual relative to the target, for each target column",
           {.above = 0, .most = 0.5}),
       key("max_iterations", &S::max_iterations, "cg: most iterations for a target column", {.least = 1}),
       choice_or_auto(
           "preconditioner", &S::preconditioner, {"none", "nystrom", "nystrom-columns", "rpcholesky"},
           "cg: what speeds it up: randomised Nystroem, by one product with random vectors or from "
           "columns chosen at random; "
           "or randomly pivoted Cholesky, which is what auto takes"),
       key("preconditioner_rank", &S::preconditioner_rank,
           "columns that the preconditioner uses; without it: a twentieth of the samples, at least 256 and "
           "at most 2,000, and fewer where what they leave of the trace falls below the ridge",
           {.least = 1}),
       key("evidence", &S::evidence,
           "log-determinant and log evidence where the Gram is not factored, too: an estimate by stochastic "
           "Lanczos quadrature, with its standard error. A factor gives them always, to rounding; "
           "precision = \"mixed\" then factors in double")});
  return table;
}

const KeyTable<PredictSection>& predict_keys() {
  static const KeyTable<PredictSection> table(
      "predict", {key("variance", &PredictSection::variance,
                      "variances of the predictions: nngp: of the posterior; "
                      "ntk: of an ensemble of networks trained to the "
                      "end, which needs kernel.both; metrics.json then has the negative log predictive "
                      "density, a mean over samples and outputs")});
  return table;
}

const KeyTable<SpectrumSection>& spectrum_keys() {
  using S = SpectrumSection;
  static const KeyTable<S> table(
      "spectrum",
      {key("largest", &S::largest,
           "how many eigenvalues, with their vectors, by Lanczos; 0: all of them, without vectors, by "
           "an eigendecomposition of a Gram in memory",
           {.least = 0}),
       key("ridges", &S::ridges,
           "that effective dimensions are worked out for, relative to the Gram's mean diagonal; without it: "
           "those of [solve]",
           {.least = 0}),
       fit_key()});
  return table;
}

const KeyTable<DynamicsSection>& dynamics_keys() {
  using S = DynamicsSection;
  static const KeyTable<S> table(
      "dynamics",
      {times_key(),
       choice("descent", &S::descent, {"flow", "steps"},
              "gradient flow, or gradient descent step by step, on the mean squared error over samples and "
              "targets, halved, as neural-tangents' gradient_descent_mse"),
       key("rate", &S::rate,
           "learning rate; without it: half of the largest stable one, so that t = 1 is the time in which "
           "the "
           "leading eigenvector's part is learned",
           {.above = 0}),
       key("ridge", &S::ridge,
           "added to the kernel's diagonal while it trains, relative to the Gram's mean diagonal; that of "
           "[solve] plays no part here",
           {.least = 0}),
       key("validation", &S::validation,
           "share of the training samples, drawn at random as for solve.holdout, that is held out of the "
           "training and finds the time of best loss; 0: none",
           {.least = 0, .most = 0.9}),
       key("variance", &S::variance,
           "variances of the outputs at the test samples at each time, over networks trained from their own "
           "random "
           "initialisations: /test_variance; with kernel.function = \"ntk\" kernel.both is needed, and "
           "method \"eigen\""),
       choice(
           "method", &S::method, {"auto", "eigen", "krylov"},
           "eigen: an eigendecomposition of a Gram in memory; krylov: Lanczos from the targets, by products "
           "alone, in every gram.mode; auto: eigen up to 10,000 samples in memory"),
       key("tolerance", &S::tolerance,
           "krylov: residual of the equation of motion relative to the target, for each target column and "
           "time",
           {.above = 0, .most = 1}),
       key("max_steps", &S::max_steps,
           "krylov: most products with the Gram; each keeps a vector a target and one more in memory",
           {.least = 1})});
  return table;
}

}  // namespace widegram::jobs
