#pragma once

#include "base/error.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::worker {

/// The parameters of one task. The first one that is not as it must be is remembered; what is read after it does not matter.
class params_reader {
 public:
  explicit params_reader(const boost::json::object& params) : params_(params) {}

  [[nodiscard]] bool has(std::string_view name) const;
  std::string text(std::string_view name, std::string_view fallback);
  /// Empty if there is none.
  std::vector<std::string> texts(std::string_view name);
  bool truth(std::string_view name, bool fallback);
  double number(std::string_view name, double fallback);
  std::int64_t integer(std::string_view name, std::int64_t fallback);
  /// A whole number that fits into an int; the range that makes sense is checked by who takes it.
  int small(std::string_view name, int fallback);
  /// Where the file of an artifact lies, as the next.
  std::filesystem::path file(std::string_view name);
  std::vector<std::filesystem::path> files(std::string_view name);
  [[nodiscard]] const std::optional<error>& fault() const noexcept { return fault_; }

 private:
  void complain(std::string_view name, std::string_view expected);
  std::filesystem::path file_in(const boost::json::value& value, std::string_view name);

  const boost::json::object& params_;
  std::optional<error> fault_;
};

}  // namespace troupe::worker
