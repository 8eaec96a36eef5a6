#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace troupe::test {

/// A directory of its own for a test, gone afterwards. On a real disk: in the build tree, where a test runs.
class temporary_directory {
 public:
  temporary_directory() {
    auto pattern = (std::filesystem::current_path() / "test-XXXXXX").native();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"cannot make " + pattern};
    path_ = pattern;
  }
  ~temporary_directory() {
    std::error_code ignored;  // a left-over directory fails no test
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace troupe::test
