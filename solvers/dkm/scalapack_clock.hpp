#pragma once

#include <type_traits>

#include "src/base/index.hpp"
#include "src/base/timer.hpp"

namespace widegram::dkm {

/// Seconds that this rank has spent inside ScaLAPACK, and in how many calls.
class ScalapackClock {
 public:
  /// Runs `call` on the clock and returns what it returns.
  template <class F>
  auto operator()(F&& call) {
    const Timer timer;
    ++calls_;
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      seconds_ += timer.seconds();
    } else {
      const auto result = call();
      seconds_ += timer.seconds();
      return result;
    }
  }

  double seconds() const { return seconds_; }
  Index calls() const { return calls_; }

 private:
  double seconds_ = 0;
  Index calls_ = 0;
};

}  // namespace widegram::dkm
