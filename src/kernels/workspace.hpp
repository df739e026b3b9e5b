#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::kernels {

/// Scratch memory that is handed out, given back and handed out again, so that a hot loop allocates in its
/// first round only. One thread at a time. Buffers must not outlive their workspace.
template <class Real>
class Workspace {
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(Real* values) const { ::operator delete[](values, alignment); }
  };
  struct Memory {
    std::unique_ptr<Real[], Free> values;
    Index capacity = 0;
  };

 public:
  /// `size` values, undefined at first, on a cache line's border. Gives itself back.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : workspace_(std::exchange(other.workspace_, nullptr)), memory_(std::move(other.memory_)) {}
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(workspace_, other.workspace_);
      std::swap(memory_, other.memory_);
      return *this;
    }
    ~Buffer() {
      if (workspace_ != nullptr) workspace_->free_.push_back(std::move(memory_));
    }
    Real* data() const { return memory_.values.get(); }

   private:
    friend class Workspace;
    Buffer(Workspace* workspace, Memory memory) : workspace_(workspace), memory_(std::move(memory)) {}
    Workspace* workspace_ = nullptr;
    Memory memory_;
  };

  Buffer take(Index size) {
    const auto large_enough = std::find_if(free_.begin(), free_.end(),
                                           [&](const Memory& memory) { return memory.capacity >= size; });
    if (large_enough == free_.end()) {
      free_.reserve(++handed_out_);  // giving back must not allocate
      void* values = ::operator new[](static_cast<std::size_t>(size) * sizeof(Real), alignment);
      return {this, Memory{std::unique_ptr<Real[], Free>(static_cast<Real*>(values)), size}};
    }
    Memory memory = std::move(*large_enough);
    free_.erase(large_enough);
    return {this, std::move(memory)};
  }

 private:
  std::vector<Memory> free_;
  std::size_t handed_out_ = 0;  ///< buffers that exist, free or not
};

}  // namespace widegram::kernels
