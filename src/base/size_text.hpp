#pragma once

#include "base/units.hpp"

#include <string>

namespace troupe {

/// The shortest exact text: 1,048,576 is "1MiB", 1,000 is "1000B".
[[nodiscard]] std::string format_size(bytes value);
/// For people who read sizes: "6.4 MiB".
[[nodiscard]] std::string rough_size(bytes value);

}  // namespace troupe
