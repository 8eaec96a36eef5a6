#include "model/cluster_version.hpp"

#include <fmt/format.h>

namespace troupe::model {

result<void> check_version(std::uint32_t written, version_range read, std::string_view whose) {
  if (read.has(written)) return {};
  if (written > read.most)
    return error{errc::conflict,
                 fmt::format("the cluster writes commands of version {}, the program of {} reads up to {}: upgrade {}", written,
                             whose, read.most, whose)};
  return error{errc::conflict,
               fmt::format("the cluster writes commands of version {}, the program of {} reads none before {}: start "
                           "it with an older release, until all nodes have that one",
                           written, whose, read.least)};
}

}  // namespace troupe::model
