#pragma once

#include <toml++/toml.h>

#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "jobs/units.hpp"
#include "src/base/index.hpp"

namespace widegram::jobs {

/// Range that a number of a job file must lie in.
struct Limits {
  std::optional<double> least{};
  std::optional<double> above{};
  std::optional<double> most{};
  Index multiple_of = 1;
  bool infinite = false;  ///< inf is a number, too
};

/// One value of a job file: knows its key and where it was written, and says so when it is not what it should
/// be.
class Value {
 public:
  /// `path`: the key with its table, e.g. "solve.ridge" or "kernel.layers[2].size".
  Value(const toml::node& node, std::string path) : node_(node), path_(std::move(path)) {}

  const toml::node& node() const { return node_; }
  const std::string& path() const { return path_; }
  /// "jobs/fashion.toml:12" or "--set solve.ridge=x".
  std::string place() const;

  /// Throws Error(usage): "PLACE: PATH REASON".
  [[noreturn]] void refuse(const std::string& reason) const;
  /// Refuses it with "must be EXPECTED, found ...".
  [[noreturn]] void wrong_type(const std::string& expected) const;

  std::string text() const;
  Index integer(const Limits& limits) const;
  double number(const Limits& limits) const;
  bool flag() const;
  std::vector<std::string> texts() const;
  std::vector<double> numbers(const Limits& limits) const;  ///< the limits of each
  std::vector<Index> integers(const Limits& limits) const;
  const toml::table& table() const;
  const toml::array& array() const;
  Value element(std::size_t i) const;

 private:
  const toml::node& node_;
  std::string path_;
};

/// Reads one value into a field of that type; throws Error(usage) where it does not fit.
void read(const Value& value, const Limits& limits, std::string& field);
void read(const Value& value, const Limits& limits, Index& field);
void read(const Value& value, const Limits& limits, double& field);
void read(const Value& value, const Limits& limits, std::vector<std::string>& field);
void read(const Value& value, const Limits& limits, std::vector<double>& field);
void read(const Value& value, const Limits& limits, std::vector<Index>& field);
void read(const Value& value, const Limits& limits, bool& field);
void read(const Value& value, const Limits& limits, Seconds& field);
void read(const Value& value, const Limits& limits, Bytes& field);
template <class T>
void read(const Value& value, const Limits& limits, std::optional<T>& field) {
  read(value, limits, field.emplace());
}

/// The TOML text of a value; empty for an optional that is not set. Parses back to the same value.
std::string to_toml(const std::string& text);
std::string to_toml(Index value);
std::string to_toml(double value);
std::string to_toml(const std::vector<std::string>& texts);
std::string to_toml(const std::vector<double>& numbers);
std::string to_toml(const std::vector<Index>& integers);
/// A bool and nothing that merely turns into one.
template <std::same_as<bool> Flag>
std::string to_toml(Flag flag) {
  return flag ? "true" : "false";
}
std::string to_toml(Seconds seconds);
std::string to_toml(Bytes bytes);
std::string to_toml(const toml::node& node);
template <class T>
std::string to_toml(const std::optional<T>& value) {
  return value ? to_toml(*value) : std::string();
}

/// What the reference calls the type of a field.
std::string type_name(const std::string&);
std::string type_name(Index);
std::string type_name(double);
std::string type_name(const std::vector<std::string>&);
std::string type_name(const std::vector<double>&);
std::string type_name(const std::vector<Index>&);
template <std::same_as<bool> Flag>
std::string type_name(Flag) {
  return "boolean";
}
std::string type_name(Seconds);
std::string type_name(Bytes);
template <class T>
std::string type_name(const std::optional<T>&) {
  return type_name(T());
}

/// "at least 1, a multiple of 8"; empty where anything goes.
std::string to_text(const Limits& limits);

}  // namespace widegram::jobs
