#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

/// Help for a name that nobody knows: "did you mean 'x'?" when one is near, else "known: a, b, c" (at most 12).
[[nodiscard]] std::string hint_for(std::string_view given, const std::vector<std::string>& known);

}  // namespace troupe::cli
