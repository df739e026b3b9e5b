#include "jobs/dkm_layers.hpp"
#include "jobs/job_file.hpp"
#include "jobs/job_tables.hpp"
#include "jobs/layer_parser.hpp"
#include "jobs/node.hpp"

namespace widegram::jobs {
namespace {

constexpr const char* introduction =
    "# Job files\n\n"
    "This page is what `widegram --help-job` prints; do not edit it.\n\n"
    "A job file is TOML 1.0. Paths in it are relative to the folder that the program is started in. On the "
    "command\n"
    "line `--set table.key=value` replaces or adds a value; a value that is no TOML is taken as a string. "
    "`examples/`\n"
    "holds jobs to start from. Times are written \"90s\", \"5min\", \"1h\"; sizes \"512MiB\", \"24GiB\", "
    "\"1.5GB\".\n";

constexpr const char* engines =
    "\n## How a network is computed\n\n"
    "The fastest engine that knows the network takes it; `widegram describe JOB.toml` names it, measures an "
    "entry and says what\n"
    "float32 costs in digits. `metrics.json` keeps the name, with the vector instructions in use.\n\n"
    "| engine | takes | an entry costs |\n|---|---|---|\n"
    "| dense | vectors, and images that are flattened first | features, once, and a few ns a layer |\n"
    "| offset planes | images: convolutions and average pools of any size, stride and padding, global "
    "average, "
    "flatten, dense, layer norm, dropout, residual and product of them, activations with a closed form | all "
    "pairs of pixels (pixels^2), a layer; behind a pool, those that are left |\n"
    "| pixel diagonal | the same, where no pool mixes pixels and the end is flatten | pixels, a layer |\n"
    "| pixel pairs | the rest | pixels^2, a layer, by the general way: in double, a pair of images at a "
    "time, rounded to `kernel.precision` |\n\n"
    "Only pixel pairs take, on images:\n\n"
    "- activations without a closed form (those from `swish` on in the table above, where a vector network "
    "has "
    "them fast);\n"
    "- a pool, a flatten, or a convolution with a stride or `padding = \"valid\"`, inside a residual or "
    "product;\n"
    "- rows wider than 64 vector registers: 1,024 pixels in float32 and 512 in float64 with AVX-512.\n\n"
    "Two layers of 3 x 3 convolution and tanh before a global average took about 13 ms an entry at 8 x 8 "
    "pixels, 80 ms at\n"
    "16 x 16 and 230 ms at 28 x 28, of which relu in tanh's place needs a hundredth; before a flatten 190 ms "
    "at "
    "28 x 28. A residual\n"
    "block of two convolutions, the first with stride 2, and relu: 19 ms at 28 x 28. (One core of an EPYC "
    "with "
    "AVX-512 that was\n"
    "busy with other work: orders of magnitude.)\n\n"
    "`kernel.depths` come from one pass where the networks are one network, read at several depths with no "
    "pool "
    "in between\n"
    "(`cntk-gap`, `cntk-flatten`); otherwise each is computed on its own.\n\n"
    "Float32 entries are held to 5e-6 of float64 ones, relative to sqrt(K(x, x) K(z, z)); diagonals are "
    "exact, "
    "and images that are\n"
    "alike as a whole are computed in double. What can miss it: `sign` (1e-4), and the NTK of relu and its "
    "kin "
    "where many\n"
    "layers (100 before a global average, 21 before a flatten) bring pixels' correlations close to 1. "
    "`describe` tries the job's\n"
    "network on made-up inputs that are hard in this way, and says what came of it.\n";

/// A table's cell: a bar would end it.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string rows(const std::vector<KeyInfo>& keys) {
  std::string out = "\n| key | takes | default | meaning |\n|---|---|---|---|\n";
  for (const KeyInfo& key : keys)
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, cell(key.type),
                       key.default_value.empty() ? "" : "`" + key.default_value + "`", cell(key.help));
  return out;
}

/// "`size` (integer, at least 1; default `3`): edge of the window".
std::string described(const KeyInfo& key) {
  std::string out = fmt::format("`{}` ({}", key.name, cell(key.type));
  out += key.default_value.empty() ? ")" : fmt::format("; default `{}`)", key.default_value);
  return key.help.empty() ? out : out + ": " + cell(key.help);
}

std::string operation_rows(const std::vector<OperationInfo>& operations) {
  std::string out = "\n| op | keys | meaning |\n|---|---|---|\n";
  for (const OperationInfo& operation : operations) {
    std::string keys;
    for (const KeyInfo& key : operation.keys) keys += (keys.empty() ? "" : "<br>") + described(key);
    out += fmt::format("| `{}` | {} | {} |\n", operation.name, keys, cell(operation.help));
  }
  return out;
}

}  // namespace

std::string job_reference() {
  std::string out = introduction;
  const Job defaults;
  for_each_table(defaults, [&](const auto& keys, const auto&) {
    out += keys.name().empty() ? "\n## Top of the file\n" : fmt::format("\n## [{}]\n", keys.name());
    out += rows(keys.info());
  });
  out +=
      "\n## [petsc]\n\nAny PETSc option without its dash: `ksp_monitor = true`, `log_view = \":petsc.log\"`. "
      "Options after `--` on the\n"
      "command line come later and win.\n"
      "\n## Operations of `kernel.layers`\n\n"
      "Each layer is a table `{ op = \"...\", key = value }`. An activation may also be given to a preset, "
      "by its name alone\n"
      "(`activation = \"erf\"`) or as a table.\n";
  out += operation_rows(operations());
  out +=
      "\n## Operations of `dkm.layers`\n\n"
      "Layers of a convolutional deep kernel machine. Any activation of the table above is a map too, with "
      "weight 1 and\n"
      "bias 0.1: `{ op = \"relu\" }`.\n";
  out += operation_rows(dkm_operations()) + engines;
  out +=
      "\n## Node files\n\n`widegram plan JOB.toml --node-file node.toml` plans for nodes like these, in "
      "place of "
      "this machine:\n";
  return out + rows(node_key_info());
}

}  // namespace widegram::jobs
