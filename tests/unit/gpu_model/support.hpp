#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gpu/cpu/cpu.hpp"
#include "gpu/model/any_model.hpp"

namespace troupe::gpu::test {

/// A folder of its own, gone at the end.
class folder {
 public:
  folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-models-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<executor> here() { return make_cpu_executor({.threads = 1}); }

/// A model that comes with the program.
template <class Model>
Model shipped(const std::string& name) {
  auto made = Model::open(read_description(std::filesystem::path(TROUPE_SHIPPED_MODELS) / (name + ".yaml")).value(), here());
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().detail));
  return std::move(*made);
}

}  // namespace troupe::gpu::test
