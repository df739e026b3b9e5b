#include "io/read_ahead.hpp"

#include <utility>

#include "src/base/timer.hpp"

namespace widegram::io {

ReadAhead::ReadAhead(Index pieces, std::size_t most_bytes, std::size_t buffers, Read read)
    : pieces_(pieces),
      read_(std::move(read)),
      buffers_(buffers, std::vector<std::byte>(pieces > 0 ? most_bytes : 0)),
      sizes_(buffers),
      thread_([this] { run(); }) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ReadAhead::run() {
  const auto buffers = static_cast<Index>(buffers_.size());
  for (Index k = 0; k < pieces_; ++k) {
    {
      // A buffer is free again once the piece behind the one that it holds has been asked for.
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return ended_ || k < buffers || k - buffers < taken_ - 1; });
      if (ended_) return;
    }
    const auto slot = static_cast<std::size_t>(k % buffers);
    std::exception_ptr error;
    try {
      sizes_[slot] = read_(k, buffers_[slot]);
    } catch (...) {
      error = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      error_ = error;
      filled_ = k + 1;
    }
    changed_.notify_all();
    if (error) return;
  }
}

std::span<std::byte> ReadAhead::next() {
  const Timer waiting;
  std::unique_lock lock(mutex_);
  const Index k = taken_++;
  changed_.notify_all();
  changed_.wait(lock, [&] { return filled_ > k; });
  waited_ += waiting.seconds();
  if (error_ && filled_ == k + 1) std::rethrow_exception(error_);
  const auto slot = static_cast<std::size_t>(k % static_cast<Index>(buffers_.size()));
  return std::span(buffers_[slot]).first(sizes_[slot]);
}

}  // namespace widegram::io
