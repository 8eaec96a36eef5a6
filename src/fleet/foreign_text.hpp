#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::fleet {

/// What somebody else said, fit for JSON, logs and people: valid UTF-8 in one line without control characters, cut between two
/// characters.
[[nodiscard]] std::string foreign_text(std::string_view text, std::size_t bytes_most);

}  // namespace troupe::fleet
