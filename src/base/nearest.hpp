#pragma once

#include <span>
#include <string>
#include <string_view>

namespace widegram {

/// The candidate with the least edit distance to `name`; empty where none is close enough to be a typing
/// slip.
std::string nearest(std::string_view name, std::span<const std::string> candidates);

/// "; did you mean 'x'?" or nothing: the tail of a message about an unknown name.
std::string suggestion(std::string_view name, std::span<const std::string> candidates);

}  // namespace widegram
