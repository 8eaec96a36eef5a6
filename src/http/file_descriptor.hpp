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
  file_descriptor(file_descriptor&& other) noexcept : raw_(std::exchange(other.raw_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  [[nodiscard]] int raw() const { return raw_; }

 private:
  int raw_;
};

}  // namespace troupe::http
