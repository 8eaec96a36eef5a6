#pragma once

#include <unistd.h>

#include <utility>

namespace troupe::http {

/// Owns a connected socket on its way from one event loop to another.
class raw_socket {
 public:
  raw_socket() = default;
  explicit raw_socket(int handle) noexcept : handle_(handle) {}
  raw_socket(raw_socket&& other) noexcept : handle_(other.release()) {}
  raw_socket& operator=(raw_socket&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~raw_socket() {
    if (handle_ >= 0) ::close(handle_);
  }

  [[nodiscard]] int get() const noexcept { return handle_; }
  /// The caller owns it now. @returns -1 if there was none.
  [[nodiscard]] int release() noexcept { return std::exchange(handle_, -1); }

 private:
  int handle_ = -1;
};

}  // namespace troupe::http
