#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "io/preprocess.hpp"
#include "src/base/error.hpp"
#include "src/base/nearest.hpp"
#include "src/base/numbers.hpp"

namespace widegram::io {
namespace {

struct StepName {
  const char* name;
  Step::Kind kind;
  const char* parameter;  ///< nullptr: takes none
};
constexpr StepName step_names[] = {{"scale", Step::Kind::scale, "a"},
                                   {"standardize", Step::Kind::standardize, nullptr},
                                   {"center", Step::Kind::center, nullptr},
                                   {"normalize", Step::Kind::normalize, nullptr},
                                   {"zca", Step::Kind::zca, "eps"}};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view()
                                         : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

const StepName& find_step(std::string_view name) {
  std::vector<std::string> names;
  for (const StepName& known : step_names) {
    if (name == known.name) return known;
    names.emplace_back(known.name);
  }
  throw Error(ExitCode::usage,
              fmt::format("preprocess: the step '{}' is not known{}; steps are scale(a), standardize, "
                          "center, normalize, zca(eps)",
                          name, suggestion(name, names)));
}

Step parse_step(std::string_view text) {
  const std::string_view whole = trimmed(text);
  const std::size_t open = whole.find('(');
  const StepName& known = find_step(trimmed(whole.substr(0, open)));
  const bool has_parameter = open != std::string_view::npos;
  if (!known.parameter) {
    if (has_parameter)
      throw Error(ExitCode::usage, fmt::format("preprocess: '{}': {} takes no number", whole, known.name));
    return {known.kind, 0};
  }
  std::optional<double> value;
  if (has_parameter && whole.back() == ')')
    value = parse_number(trimmed(whole.substr(open + 1, whole.size() - open - 2)));
  if (!value)
    throw Error(ExitCode::usage, fmt::format("preprocess: '{}': write {}({}) with a number for {}", whole,
                                             known.name, known.parameter, known.parameter));
  if (known.kind == Step::Kind::zca && *value < 0)
    throw Error(ExitCode::usage, fmt::format("preprocess: '{}': eps is 0 or more", whole));
  if (known.kind == Step::Kind::scale && *value == 0)
    throw Error(ExitCode::usage, fmt::format("preprocess: '{}' makes every input 0", whole));
  return {known.kind, *value};
}

}  // namespace

std::vector<Step> parse_steps(std::span<const std::string> texts) {
  std::vector<Step> steps;
  for (const std::string& text : texts) steps.push_back(parse_step(text));
  return steps;
}

std::string to_string(const Step& step) {
  for (const StepName& known : step_names)
    if (known.kind == step.kind)
      return known.parameter ? fmt::format("{}({})", known.name, step.value) : std::string(known.name);
  return {};
}

}  // namespace widegram::io
