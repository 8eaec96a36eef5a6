#pragma once

#include "base/error.hpp"

#include <string>
#include <vector>

namespace troupe::fleet {

/// A machine that a provider says it has given.
struct provided {
  std::string name;      ///< the provider's; its node has the label `machine-NAME`, or stands at `address`
  std::string address;   ///< "host:port"; empty: not known
  std::string why = {};  ///< why nothing runs there yet, in the provider's words; empty: it does, or the provider does not say
  friend bool operator==(const provided&, const provided&) = default;
};

/// Where machines come from. Calls block, each for a bounded time; one at a time. What a provider says is not believed: what
/// counts is which nodes the cluster sees.
class provider {
 public:
  virtual ~provider() = default;
  /// Asks for machines whose nodes join the cluster through `seed`. They come later, or never.
  [[nodiscard]] virtual result<void> order(int count, const std::string& seed) = 0;
  /// All that were given and not given back, those on their way included if it knows them.
  [[nodiscard]] virtual result<std::vector<provided>> list() = 0;
  /// A machine on which nothing runs any more. It may be listed for a while. One that is not there is no error.
  [[nodiscard]] virtual result<void> give_back(const std::string& name) = 0;
};

}  // namespace troupe::fleet
