#include "jobs/key_table.hpp"

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"

namespace widegram::jobs {

std::string alternatives(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, " | "));
}

void refuse_unknown_key(const Value& value, const std::vector<std::string>& known) {
  const std::string& path = value.path();
  const std::string near = suggestion(path.substr(path.rfind('.') + 1), known);
  throw Error(ExitCode::usage,
              fmt::format("{}: unknown key '{}'{}", value.place(), path,
                          near.empty() ? fmt::format("; known here: {}", fmt::join(known, ", ")) : near));
}

std::size_t choose(const Value& value, const std::vector<std::string>& names) {
  if (!value.node().is_string()) value.wrong_type("one of " + alternatives(names));
  const std::string text = value.text();
  const auto place = std::find(names.begin(), names.end(), text);
  if (place == names.end())
    value.refuse(
        fmt::format("= \"{}\" is not one of {}{}", text, alternatives(names), suggestion(text, names)));
  return static_cast<std::size_t>(place - names.begin());
}

}  // namespace widegram::jobs
