#pragma once

#include "base/units.hpp"
#include "fleet/provider.hpp"

namespace troupe::fleet {

/// A program of the user's own:
///   COMMAND order N SEED      asks for N machines whose nodes start with `--seed SEED` and the label `machine-NAME`
///   COMMAND list              prints one machine a line: NAME, and HOST:PORT if it is known
///   COMMAND give-back NAME    nothing runs there any more
/// Status 0 is yes; anything else, or no end within `time`, is no.
class exec_provider : public provider {
 public:
  /// @param stop_fd when this can be read, a call ends at once; -1: never
  exec_provider(std::vector<std::string> command, duration time, int stop_fd = -1)
      : command_(std::move(command)), time_(time), stop_fd_(stop_fd) {}
  [[nodiscard]] result<void> order(int count, const std::string& seed) override;
  [[nodiscard]] result<std::vector<provided>> list() override;
  [[nodiscard]] result<void> give_back(const std::string& name) override;

 private:
  [[nodiscard]] result<std::string> run(std::vector<std::string> arguments) const;

  std::vector<std::string> command_;
  duration time_;
  int stop_fd_;
};

}  // namespace troupe::fleet
