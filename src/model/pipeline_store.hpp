#pragma once

#include "model/pipeline.hpp"

#include <string>

namespace troupe::model::detail {

[[nodiscard]] digest hash_of(const pipeline& p);

/// JSON without spaces; numbers in the shortest form that reads back as the same number.
[[nodiscard]] std::string canonical_text(const json::value& value);

}  // namespace troupe::model::detail
