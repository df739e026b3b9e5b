#include "jobs/study_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

#include "src/base/numbers.hpp"

namespace widegram::jobs {
namespace {

constexpr Index most_samples = Index{1} << 40;
constexpr Index most_ranks = Index{1} << 20;

Index whole_number(const std::string& option, std::string_view text, Index least, Index most) {
  const std::optional<Index> value = parse_integer(text);
  if (!value || *value < least || *value > most)
    throw CLI::ValidationError(fmt::format("{} {}", option, text),
                               fmt::format("is no whole number between {} and {}", least, most));
  return *value;
}

/// "1,2,4", ascending, each once.
std::vector<Index> numbers(const std::string& option, std::string_view text, Index least, Index most) {
  std::vector<Index> all;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    all.push_back(whole_number(option, text.substr(begin, end - begin), least, most));
    begin = end + 1;
  }
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

void add_number(CLI::App& command, const std::string& name, const std::string& help, const std::string& type,
                Index least, Index most, std::function<void(Index)> take) {
  command
      .add_option_function<std::string>(
          name, [=](const std::string& text) { take(whole_number(name, text, least, most)); }, help)
      ->type_name(type);
}

void add_list(CLI::App& command, const std::string& name, const std::string& help, Index least, Index most,
              std::vector<Index>& list) {
  command
      .add_option_function<std::string>(
          name, [=, &list](const std::string& text) { list = numbers(name, text, least, most); }, help)
      ->type_name("N,N,...");
}

/// "4..64" or "4".
void read_nodes(const std::string& text, PlanOptions& options) {
  const std::size_t dots = text.find("..");
  options.first_nodes = whole_number("--nodes", text.substr(0, dots), 1, most_ranks);
  options.last_nodes = dots == std::string::npos
                           ? options.first_nodes
                           : whole_number("--nodes", text.substr(dots + 2), 1, most_ranks);
  if (options.last_nodes < options.first_nodes)
    throw CLI::ValidationError("--nodes " + text, "runs backwards: write the smaller number first");
}

std::string share_or_largest(const std::string& text) {
  const std::optional<double> share = parse_number(text);
  if (text != "largest" && !(share && *share > 0 && *share < 1))
    throw CLI::ValidationError("--hold-out " + text, "is neither 'largest' nor a share between 0 and 1");
  return text;
}

}  // namespace

void add_scale_options(CLI::App& command, ScaleOptions& options) {
  add_list(command, "--ranks", "rank counts; without it 1, 2, 4, ... up to the processors", 1, most_ranks,
           options.ranks);
  add_list(command, "--sizes", "training samples, cut off data.train; without it all of the job's", 2,
           most_samples, options.sizes);
  add_number(command, "--weak",
             "training samples on one rank: they grow with the square root of the ranks, so that each keeps "
             "its entries",
             "N", 2, most_samples, [&](Index n) { options.weak = n; });
  add_number(command, "--repeats", "timed runs of a point, whose median counts", "K", 1, 1000,
             [&](Index k) { options.repeats = k; });
  add_number(command, "--warmup", "runs ahead of them that do not count", "K", 0, 100,
             [&](Index k) { options.warmup = k; });
  command.add_option("--command", options.command, "what is timed: gram, solve, run (the default) or dkm")
      ->check(CLI::IsMember({"gram", "solve", "run", "dkm"}))
      ->type_name("COMMAND");
  add_number(command, "--point", "run this point alone (numbers: --list)", "K", 0, most_samples,
             [&](Index k) { options.point = k; });
  command.add_flag("--list", options.list, "print the points with their numbers and run none");
  command
      .add_option_function<std::string>(
          "--hold-out", [&](const std::string& text) { options.hold_out = share_or_largest(text); },
          "points that the models are tested on and not fitted to: 'largest' (size, the default) or a share")
      ->type_name("largest|SHARE");
  command.add_option("--launcher", options.launcher, "starts the ranks, with -n RANKS behind it")
      ->type_name("'mpirun ...'");
  command.add_option("--python", options.python, "the Python with matplotlib that draws")
      ->type_name("PROGRAM");
}

void add_plan_options(CLI::App& command, PlanOptions& options) {
  command
      .add_option_function<std::string>(
          "--nodes", [&](const std::string& text) { read_nodes(text, options); },
          "numbers of nodes: A, A times 2, ... and B")
      ->type_name("A..B");
  command.add_option("--node-file", options.node_file, "a node, its network and file system (TOML)")
      ->type_name("node.toml");
  add_number(command, "--ranks-a-node", "without it one a core", "R", 1, most_ranks,
             [&](Index r) { options.ranks_a_node = r; });
  add_number(command, "--size", "training samples in place of the data set's", "N", 2, most_samples,
             [&](Index n) { options.size = n; });
  command.add_option("--points", options.points, "measured points to compare with")
      ->type_name("scaling.json");
}

}  // namespace widegram::jobs
