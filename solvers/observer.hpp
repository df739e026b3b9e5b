#pragma once

#include <functional>

#include "src/base/index.hpp"

namespace widegram::solvers {

/// Told how much of a long call is done, `done` of `total` in the unit that the function names: first 0, last
/// all.
using WorkObserver = std::function<void(Index done, Index total)>;

}  // namespace widegram::solvers
