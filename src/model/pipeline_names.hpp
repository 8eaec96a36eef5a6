#pragma once

#include <string>
#include <string_view>
#include <vector>

// Names that people write, and help for those that they write wrongly.
namespace troupe::model::detail {

/// Whether `text` is a name: [a-z][a-z0-9_-]{0,62}. Such a name needs no escape in JSON and URLs.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

/// The candidate that is nearest to `given`, if it is near enough to be a slip of the finger; else empty.
[[nodiscard]] std::string_view nearest(std::string_view given, const std::vector<std::string_view>& candidates);

/// "did you mean 'x'?" or "known THINGS: a, b, c" or "there are no THINGS".
[[nodiscard]] std::string hint_for(std::string_view given, const std::vector<std::string_view>& candidates,
                                   std::string_view things);

/// What is shown of a text that a message quotes: in single quotes, control characters replaced, at most 60 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace troupe::model::detail
