#pragma once

#include <optional>
#include <string_view>

#include "src/base/index.hpp"

namespace widegram {

/// The finite number that the whole text is, with or without a leading '+'; nothing where it is none.
std::optional<double> parse_number(std::string_view text);

/// The integer that the whole text is, without a leading '+'; nothing where it is none or does not fit.
std::optional<Index> parse_integer(std::string_view text);

}  // namespace widegram
