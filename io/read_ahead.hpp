#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::io {

/// Reads pieces one after the other on a thread of its own, some of them ahead of their use, so that reading
/// and computing go on side by side. Memory: that of the buffers.
class ReadAhead {
 public:
  /// Fills the buffer with piece k; returns the bytes that it has. Called on the thread, k = 0, 1, ...; may
  /// throw.
  using Read = std::function<std::size_t(Index k, std::span<std::byte> buffer)>;

  ReadAhead(Index pieces, std::size_t most_bytes, std::size_t buffers, Read read);
  /// Ends the reading where it is.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next piece, valid until the next call. Waits for it; throws what reading it has thrown.
  std::span<std::byte> next();
  /// Seconds that next() has waited.
  double waited() const { return waited_; }

 private:
  void run();

  Index pieces_;
  Read read_;
  std::vector<std::vector<std::byte>> buffers_;
  std::vector<std::size_t> sizes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Index filled_ = 0;  ///< pieces read so far
  Index taken_ = 0;   ///< pieces that the user has asked for; the last one is still in use
  bool ended_ = false;
  std::exception_ptr error_;
  double waited_ = 0;
  std::thread thread_;
};

}  // namespace widegram::io
