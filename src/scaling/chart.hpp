#pragma once

#include "scaling/simulate.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::scaling {

struct charted {
  std::string name;
  const simulated* run = nullptr;
};
/// An SVG picture of one or more runs of the same trace, over time: demand, desired and actual nodes, wait, cost.
[[nodiscard]] std::string chart(std::string_view title, const std::vector<charted>& runs);

}  // namespace troupe::scaling
