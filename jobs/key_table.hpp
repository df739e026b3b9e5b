#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "jobs/value.hpp"

namespace widegram::jobs {

/// What the reference says of a key.
struct KeyInfo {
  std::string name;
  std::string type;
  std::string default_value;  ///< as TOML; empty: none
  std::string help;
};

/// One key of a table that fills the fields of a Section.
template <class Section>
struct Key {
  std::string name;
  std::string type;
  std::string help;
  std::function<void(Section&, const Value&)> read;
  std::function<std::string(const Section&)> show;  ///< the value as TOML; empty: not set
  /// Whether it counts beside the section's other values: elsewhere it is not written out.
  std::function<bool(const Section&)> counts{};
  std::string elsewhere{};  ///< why it is refused there; empty: it is not
};

/// A key that fills `field`; its type follows from the field's. An empty string or list stands for 'not set'.
template <class Section, class Field>
Key<Section> key(std::string name, Field Section::*field, std::string help, Limits limits = {}) {
  const std::string range = to_text(limits);
  std::string type = type_name(Field());
  if (!range.empty()) type += ", " + range;
  return {
      std::move(name), std::move(type), std::move(help),
      [field, limits](Section& section, const Value& value) { jobs::read(value, limits, section.*field); },
      [field](const Section& section) {
        if constexpr (requires { (section.*field).empty(); })
          if ((section.*field).empty()) return std::string();
        return to_toml(section.*field);
      }};
}

/// The same key, written out only where it counts: elsewhere it would be refused, or another key has its
/// place. elsewhere: the reason with which KeyTable::check() refuses it there, e.g. "belongs to dkm.kind =
/// \"sparse\"".
template <class Section>
Key<Section> shown_if(Key<Section> key, std::function<bool(const Section&)> counts,
                      std::string elsewhere = {}) {
  key.counts = std::move(counts);
  key.elsewhere = std::move(elsewhere);
  return key;
}

/// Joins names as "a | b | c".
std::string alternatives(const std::vector<std::string>& names);

/// Throws Error(usage): the key is none of `known`; names the nearest, or all where none is near.
[[noreturn]] void refuse_unknown_key(const Value& value, const std::vector<std::string>& known);

/// Place of the value's text in `names`; refuses any other text, with the nearest name.
std::size_t choose(const Value& value, const std::vector<std::string>& names);

/// A key that takes one of `names`: `field` is that text, or an enumeration whose values are in the order of
/// the names.
template <class Section, class Field>
Key<Section> choice(std::string name, Field Section::*field, std::vector<std::string> names,
                    std::string help) {
  return {std::move(name), alternatives(names), std::move(help),
          [field, names](Section& section, const Value& value) {
            const std::size_t i = choose(value, names);
            if constexpr (std::is_enum_v<Field>)
              section.*field = static_cast<Field>(i);
            else
              section.*field = names[i];
          },
          [field, names](const Section& section) {
            if constexpr (std::is_enum_v<Field>)
              return to_toml(names[static_cast<std::size_t>(section.*field)]);
            else
              return to_toml(section.*field);
          }};
}

/// A key that takes one of `names`, the values of an enumeration in their order, or "auto", which leaves
/// `field` unset.
template <class Section, class Enumeration>
Key<Section> choice_or_auto(std::string name, std::optional<Enumeration> Section::*field,
                            std::vector<std::string> names, std::string help) {
  names.insert(names.begin(), "auto");
  return {std::move(name), alternatives(names), std::move(help),
          [field, names](Section& section, const Value& value) {
            const std::size_t i = choose(value, names);
            section.*field = i == 0 ? std::nullopt : std::optional(static_cast<Enumeration>(i - 1));
          },
          [field, names](const Section& section) {
            return to_toml(names[section.*field ? static_cast<std::size_t>(*(section.*field)) + 1 : 0]);
          }};
}

/// All keys of one table: checks and fills a section, writes it, and lists itself for the reference.
template <class Section>
class KeyTable {
 public:
  /// `name`: as in the job file; empty for the top of the file. `others`: names that the caller reads itself.
  KeyTable(std::string name, std::vector<Key<Section>> keys, std::vector<std::string> others = {})
      : name_(std::move(name)), keys_(std::move(keys)), others_(std::move(others)) {}

  const std::string& name() const { return name_; }

  /// `path`: what stands before a key in messages, e.g. "solve." or "kernel.layers[2].".
  /// Throws Error(usage) with file, line and key for the first key that is unknown or does not fit.
  void read(const toml::table& table, const std::string& path, Section& section) const {
    for (const auto& [written, node] : table) {
      const std::string name(written.str());
      if (std::find(others_.begin(), others_.end(), name) != others_.end()) continue;
      const Value value(node, path + name);
      const auto known =
          std::find_if(keys_.begin(), keys_.end(), [&](const auto& k) { return k.name == name; });
      if (known == keys_.end()) refuse_unknown_key(value, names());
      known->read(section, value);
    }
  }

  /// Throws Error(usage) for the first key in the table that does not count in the section that was read.
  void check(const toml::table& table, const std::string& path, const Section& section) const {
    for (const auto& key : keys_)
      if (const toml::node* node = table.get(key.name);
          node != nullptr && key.counts && !key.elsewhere.empty() && !key.counts(section))
        Value(*node, path + key.name).refuse(key.elsewhere);
  }

  /// "key = value" a key that counts, in the order of the table.
  std::vector<std::string> write(const Section& section) const {
    std::vector<std::string> lines;
    for (const auto& key : keys_)
      if (key.counts && !key.counts(section))
        continue;
      else if (const std::string text = key.show(section); !text.empty())
        lines.push_back(key.name + " = " + text);
    return lines;
  }

  std::vector<KeyInfo> info() const {
    std::vector<KeyInfo> all;
    for (const auto& key : keys_) all.push_back({key.name, key.type, key.show(Section()), key.help});
    return all;
  }

 private:
  std::vector<std::string> names() const {
    std::vector<std::string> all = others_;
    for (const auto& key : keys_) all.push_back(key.name);
    return all;
  }

  std::string name_;
  std::vector<Key<Section>> keys_;
  std::vector<std::string> others_;
};

}  // namespace widegram::jobs
