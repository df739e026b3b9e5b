#include "jobs/value.hpp"

#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

/// "the string "abc"", "the integer 3", "a table": what stands where something else should.
std::string found(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  const char* kind = node.is_string()           ? "string"
                     : node.is_integer()        ? "integer"
                     : node.is_floating_point() ? "number"
                     : node.is_boolean()        ? "boolean"
                                                : "date or time";
  return fmt::format("the {} {}", kind, to_toml(node));
}

template <class Number>
void check_limits(const Value& value, const Limits& limits, Number number) {
  const auto x = static_cast<double>(number);
  const bool inside = (!limits.least || x >= *limits.least) && (!limits.above || x > *limits.above) &&
                      (!limits.most || x <= *limits.most) &&
                      (limits.multiple_of == 1 || std::fmod(x, static_cast<double>(limits.multiple_of)) == 0);
  if (!inside)
    value.refuse(fmt::format("= {} is out of range: must be {}", to_toml(number), to_text(limits)));
}

template <class T, class Read>
std::vector<T> elements(const Value& value, const char* expected, Read&& read_one) {
  const toml::array* array = value.node().as_array();
  if (array == nullptr) value.wrong_type(expected);
  std::vector<T> all;
  for (std::size_t i = 0; i < array->size(); ++i) all.push_back(read_one(value.element(i)));
  return all;
}

template <class T, class Write>
std::string bracketed(const std::vector<T>& items, Write&& write) {
  std::string out = "[";
  for (std::size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + write(items[i]);
  return out + "]";
}

}  // namespace

std::string Value::place() const {
  const toml::source_region& source = node_.source();
  const std::string file = source.path ? *source.path : "job";
  if (file.starts_with("--set") || source.begin.line == 0) return file;
  return fmt::format("{}:{}", file, source.begin.line);
}

void Value::refuse(const std::string& reason) const {
  throw Error(ExitCode::usage, fmt::format("{}: {} {}", place(), path_, reason));
}

void Value::wrong_type(const std::string& expected) const {
  refuse(fmt::format("must be {}, found {}", expected, found(node_)));
}

std::string Value::text() const {
  if (!node_.is_string()) wrong_type("a string");
  return node_.as_string()->get();
}

Index Value::integer(const Limits& limits) const {
  if (!node_.is_integer()) wrong_type("an integer");
  const Index number = node_.as_integer()->get();
  check_limits(*this, limits, number);
  return number;
}

double Value::number(const Limits& limits) const {
  if (!node_.is_number()) wrong_type("a number");
  const double number = *node_.value<double>() + 0.0;  // -0 is 0: one network, one name
  if (std::isnan(number) || (std::isinf(number) && !limits.infinite)) wrong_type("a finite number");
  check_limits(*this, limits, number);
  return number;
}

bool Value::flag() const {
  if (!node_.is_boolean()) wrong_type("true or false");
  return node_.as_boolean()->get();
}

std::vector<std::string> Value::texts() const {
  return elements<std::string>(*this, "a list of strings", [](const Value& item) { return item.text(); });
}

std::vector<double> Value::numbers(const Limits& limits) const {
  return elements<double>(*this, "a list of numbers", [&](const Value& item) { return item.number(limits); });
}

std::vector<Index> Value::integers(const Limits& limits) const {
  return elements<Index>(*this, "a list of integers",
                         [&](const Value& item) { return item.integer(limits); });
}

const toml::table& Value::table() const {
  if (!node_.is_table()) wrong_type("a table");
  return *node_.as_table();
}

const toml::array& Value::array() const {
  if (!node_.is_array()) wrong_type("an array");
  return *node_.as_array();
}

Value Value::element(std::size_t i) const { return {*array().get(i), fmt::format("{}[{}]", path_, i)}; }

void read(const Value& value, const Limits&, std::string& field) { field = value.text(); }
void read(const Value& value, const Limits& limits, Index& field) { field = value.integer(limits); }
void read(const Value& value, const Limits& limits, double& field) { field = value.number(limits); }
void read(const Value& value, const Limits&, std::vector<std::string>& field) { field = value.texts(); }
void read(const Value& value, const Limits& limits, std::vector<double>& field) {
  field = value.numbers(limits);
}
void read(const Value& value, const Limits& limits, std::vector<Index>& field) {
  field = value.integers(limits);
}
void read(const Value& value, const Limits&, bool& field) { field = value.flag(); }

void read(const Value& value, const Limits& limits, Seconds& field) {
  const std::optional<Seconds> seconds =
      value.node().is_string() ? parse_seconds(value.text()) : std::nullopt;
  if (!seconds) value.wrong_type("a time such as \"90s\", \"5min\" or \"1h\"");
  check_limits(value, limits, seconds->value);
  field = *seconds;
}

void read(const Value& value, const Limits& limits, Bytes& field) {
  const std::optional<Bytes> bytes = value.node().is_string() ? parse_bytes(value.text()) : std::nullopt;
  if (!bytes) value.wrong_type("a size such as \"512MiB\" or \"24GiB\"");
  check_limits(value, limits, bytes->value);
  field = *bytes;
}

std::string to_toml(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string to_toml(Index value) { return std::to_string(value); }

std::string to_toml(double value) {
  std::string text = fmt::format("{}", value);
  // A number without a point or an exponent would come back as an integer.
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string to_toml(const std::vector<std::string>& texts) {
  return bracketed(texts, [](const std::string& text) { return to_toml(text); });
}

std::string to_toml(const std::vector<double>& numbers) {
  return bracketed(numbers, [](double number) { return to_toml(number); });
}

std::string to_toml(const std::vector<Index>& integers) {
  return bracketed(integers, [](Index integer) { return to_toml(integer); });
}

std::string to_toml(Seconds seconds) { return to_toml(to_text(seconds)); }
std::string to_toml(Bytes bytes) { return to_toml(to_text(bytes)); }

std::string to_toml(const toml::node& node) {
  if (const auto* text = node.as_string()) return to_toml(text->get());
  if (const auto* number = node.as_floating_point()) return to_toml(number->get());
  std::ostringstream out;
  node.visit([&](const auto& concrete) { out << concrete; });
  return out.str();
}

std::string type_name(const std::string&) { return "string"; }
std::string type_name(Index) { return "integer"; }
std::string type_name(double) { return "number"; }
std::string type_name(const std::vector<std::string>&) { return "list of strings"; }
std::string type_name(const std::vector<double>&) { return "list of numbers"; }
std::string type_name(const std::vector<Index>&) { return "list of integers"; }
std::string type_name(Seconds) { return "time"; }
std::string type_name(Bytes) { return "size"; }

std::string to_text(const Limits& limits) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (limits.least) add(fmt::format("at least {}", *limits.least));
  if (limits.above) add(fmt::format("greater than {}", *limits.above));
  if (limits.most) add(fmt::format("at most {}", *limits.most));
  if (limits.multiple_of != 1) add(fmt::format("a multiple of {}", limits.multiple_of));
  return out;
}

}  // namespace widegram::jobs
