#include "jobs/job_file.hpp"
#include "jobs/job_tables.hpp"
#include "jobs/layer_parser.hpp"

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

std::string operation_rows() {
  std::string out = "\n| op | keys | meaning |\n|---|---|---|\n";
  for (const OperationInfo& operation : operations()) {
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
  return out + operation_rows();
}

}  // namespace widegram::jobs
