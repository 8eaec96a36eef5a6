#pragma once

#include "base/error.hpp"

#include <ostream>

namespace troupe {

/// So that a failed check shows the error.
inline std::ostream& operator<<(std::ostream& to, const error& why) { return to << to_string(why); }

}  // namespace troupe
