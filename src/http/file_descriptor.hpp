#pragma once

#include <unistd.h>

#include <utility>

namespace troupe::http {

/// Owns an open file or socket.
class file_descriptor {
 public:
  explicit file_descriptor(int raw = -1) : raw_(raw) {}
  ~file_descriptor() {
    if (raw_ >= 0) ::close(raw_);
  }
  file_descriptor(file_descriptor&& other) noexcept : raw_(other.release()) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  [[nodiscard]] int raw() const { return raw_; }
  /// The caller owns it now. @returns -1 if there was none.
  [[nodiscard]] int release() noexcept { return std::exchange(raw_, -1); }

 private:
  int raw_;
};

}  // namespace troupe::http
