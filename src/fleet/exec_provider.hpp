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
  exec_provider(std::vector<std::string> command, duration time) : command_(std::move(command)), time_(time) {}
  [[nodiscard]] result<void> order(int count, const std::string& seed) override;
  [[nodiscard]] result<std::vector<provided>> list() override;
  [[nodiscard]] result<void> give_back(const std::string& name) override;

 private:
  [[nodiscard]] result<std::string> run(std::vector<std::string> arguments) const;

  std::vector<std::string> command_;
  duration time_;
};

}  // namespace troupe::fleet
