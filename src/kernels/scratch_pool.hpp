#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace widegram::kernels {

/// Things that are costly to make and serve one thread at a time: lent out, made where none is free.
template <class T>
class ScratchPool {
 public:
  /// A loan; comes back by itself.
  class Loan {
   public:
    Loan(ScratchPool& pool, std::unique_ptr<T> thing) : pool_(pool), thing_(std::move(thing)) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() {
      const std::lock_guard lock(pool_.mutex_);
      pool_.free_.push_back(std::move(thing_));
    }
    T& operator*() const { return *thing_; }
    T* operator->() const { return thing_.get(); }

   private:
    ScratchPool& pool_;
    std::unique_ptr<T> thing_;
  };

  template <class Make>
  Loan lend(const Make& make) {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<T> thing = std::move(free_.back());
        free_.pop_back();
        return {*this, std::move(thing)};
      }
    }
    return {*this, make()};
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> free_;
};

}  // namespace widegram::kernels
