#include "jobs/overrides.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "jobs/value.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& reason) {
  throw Error(ExitCode::usage, fmt::format("--set {}: {}", text, reason));
}

/// Whether a value that is no TOML can be meant as a bare word, or as nothing: quotes and brackets promise
/// TOML.
bool is_bare_word(std::string_view value) {
  return value.empty() || std::string_view("\"'[{").find(value.front()) == std::string_view::npos;
}

toml::table parse_setting(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) refuse(text, "write it as table.key=value");
  const std::string key = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  const std::string source = "--set " + text;
  try {
    return toml::parse(key + " = " + value, source);
  } catch (const toml::parse_error& error) {
    if (!is_bare_word(value)) refuse(text, std::string(error.description()));
  }
  try {
    return toml::parse(key + " = " + to_toml(value), source);
  } catch (const toml::parse_error&) {
    refuse(text, fmt::format("'{}' is no key; write it as table.key=value", key));
  }
}

/// Moves what `from` holds into `into`: moved nodes keep their source, copied ones would lose it.
void merge(toml::table& into, toml::table&& from, const std::string& text) {
  for (auto&& [key, node] : from) {
    toml::node* old = into.get(key.str());
    if (node.is_table() && !node.as_table()->is_inline() && old != nullptr) {
      if (!old->is_table()) refuse(text, fmt::format("'{}' is not a table in the job file", key.str()));
      merge(*old->as_table(), std::move(*node.as_table()), text);
    } else {
      node.visit([&, &name = key](auto& concrete) { into.insert_or_assign(name, std::move(concrete)); });
    }
  }
}

/// Keys of which a job has one: setting it on the command line takes the others away.
struct Exclusive {
  std::string_view table;
  std::vector<std::string_view> keys;
};
const std::vector<Exclusive>& exclusive_keys() {
  static const std::vector<Exclusive> all{{"solve", {"ridge", "ridge_absolute", "ridges"}},
                                          {"kernel", {"preset", "layers"}},
                                          {"dkm", {"preset", "layers"}}};
  return all;
}

void drop_others(toml::table& job, const toml::table& setting) {
  for (const Exclusive& exclusive : exclusive_keys()) {
    const toml::table* set = setting.get_as<toml::table>(exclusive.table);
    toml::table* table = job.get_as<toml::table>(exclusive.table);
    if (set == nullptr || table == nullptr) continue;
    for (const std::string_view key : exclusive.keys)
      if (set->contains(key))
        for (const std::string_view other : exclusive.keys)
          if (!set->contains(other)) table->erase(other);
  }
}

}  // namespace

void apply_override(toml::table& job, const std::string& text) {
  toml::table setting = parse_setting(text);
  drop_others(job, setting);
  merge(job, std::move(setting), text);
}

}  // namespace widegram::jobs
