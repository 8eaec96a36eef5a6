#pragma once

#include <string>
#include <string_view>

namespace troupe::http {

/// The media type that a file's first bytes tell, or "application/octet-stream".
[[nodiscard]] std::string_view sniff_media_type(std::string_view first_bytes) noexcept;

/// The type to store for an upload: the client's word where it says something (RFC 2045 type/subtype, no parameters), else the
/// sniffed one.
[[nodiscard]] std::string media_type_for(std::string_view declared, std::string_view first_bytes);

/// How many first bytes the sniffer wants.
inline constexpr std::size_t sniff_bytes = 64;

}  // namespace troupe::http
