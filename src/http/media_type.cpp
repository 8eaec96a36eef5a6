#include "http/media_type.hpp"

#include "http/guard.hpp"

namespace troupe::http {
namespace {

constexpr std::string_view unknown = "application/octet-stream";

bool is_mpeg_audio(std::string_view b) noexcept {
  if (b.starts_with("ID3")) return true;
  // A frame header: 11 bits set, a layer that is not reserved, a bit rate that is not 15.
  return b.size() >= 3 && static_cast<unsigned char>(b[0]) == 0xff && (b[1] & 0xe0) == 0xe0 && (b[1] & 0x06) != 0
         && (b[2] & 0xf0) != 0xf0;
}

bool is_restricted_name(std::string_view text) noexcept {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+";
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// type/subtype of RFC 6838 names, so that it is safe in a header.
bool is_media_type(std::string_view text) noexcept {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && text.size() <= 127 && is_restricted_name(text.substr(0, slash))
         && is_restricted_name(text.substr(slash + 1));
}

}  // namespace

std::string_view sniff_media_type(std::string_view b) noexcept {
  using namespace std::string_view_literals;
  if (b.starts_with("\x89PNG\r\n\x1a\n"sv)) return "image/png";
  if (b.starts_with("\xff\xd8\xff"sv)) return "image/jpeg";
  if (b.starts_with("GIF87a"sv) || b.starts_with("GIF89a"sv)) return "image/gif";
  if (b.starts_with("RIFF"sv) && b.size() >= 12) {
    if (b.substr(8, 4) == "WEBP"sv) return "image/webp";
    if (b.substr(8, 4) == "WAVE"sv) return "audio/wav";
  }
  if (b.size() >= 12 && b.substr(4, 4) == "ftyp"sv) return b.substr(8, 3) == "M4A"sv ? "audio/mp4" : "video/mp4";
  if (b.starts_with("\x1a\x45\xdf\xa3"sv)) return b.find("webm"sv) != std::string_view::npos ? "video/webm" : "video/x-matroska";
  if (b.starts_with("OggS"sv)) return "audio/ogg";
  if (b.starts_with("fLaC"sv)) return "audio/flac";
  if (is_mpeg_audio(b)) return "audio/mpeg";
  const auto first = b.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (b[first] == '{' || b[first] == '[')) return "application/json";
  return unknown;
}

std::string media_type_for(std::string_view declared, std::string_view first_bytes) {
  auto type = media_type_of(declared);
  if (type != unknown && is_media_type(type)) return type;
  return std::string{sniff_media_type(first_bytes)};
}

}  // namespace troupe::http
