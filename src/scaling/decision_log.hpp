#pragma once

#include "base/error.hpp"
#include "scaling/decide.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// What a scaler was told and what it decided, one JSON text a line, so that the decisions can be made again and compared bit for
// bit. The first line has the policy. Numbers of metrics are texts, for readers of JSON round them; of nodes there is what
// changed.
namespace troupe::scaling {

class decision_log {
 public:
  /// @returns the first line, with its line break.
  [[nodiscard]] static std::string head(std::string_view policy_text, std::string_view policy_file, std::string_view environment);
  /// The next line.
  [[nodiscard]] std::string line(const observation& seen, const decision& d);

 private:
  std::map<machine_id, machine> known_;
};

struct replayed {
  std::uint64_t decisions = 0, differ = 0;
  std::string first_difference{};  ///< line, what the log has, what was decided now; "" if there is none
};

/// Makes the decisions of a log again, line by line.
class log_replay {
 public:
  /// @param file  for messages
  explicit log_replay(std::string_view file) : file_(file) {}
  /// The next line, without its line break. The error says where the log cannot be read.
  [[nodiscard]] result<void> feed(std::string_view line);
  [[nodiscard]] const replayed& found() const noexcept { return found_; }

 private:
  std::string file_;
  std::size_t number_ = 0;
  std::optional<scaler> machine_;
  std::map<machine_id, machine> known_;
  replayed found_;
};
/// A whole log.
[[nodiscard]] result<replayed> replay(std::string_view log, std::string_view file);

}  // namespace troupe::scaling
