#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// Whether a text is UTF-8 (RFC 3629: no surrogates, no overlong forms). NUL counts as a character.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// The text with every NUL, and every byte that is not part of valid UTF-8, replaced by '?'.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace troupe
