#include "http/endpoints/artifacts.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/endpoints/upload.hpp"
#include "http/file_descriptor.hpp"
#include "http/guard.hpp"
#include "http/json/node.hpp"
#include "http/off_loop.hpp"
#include "http/range.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <boost/beast/core/detail/base64.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace troupe::http::endpoints {
namespace {

struct stored_file {
  model::artifact_ref about;
  file_descriptor file;
};

result<stored_file> open_artifact(const model::ports::artifact_store& store, const digest& hash, bool with_file) {
  TROUPE_TRY(auto about, store.stat(hash));
  stored_file out{std::move(about), file_descriptor{}};
  if (!with_file) return out;
  TROUPE_TRY(const auto path, store.path_of(hash));
  out.file = file_descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (out.file.raw() < 0)
    return error{errc::io_failed, fmt::format("cannot open artifact {}: {}", hash.hex(), std::strerror(errno))};
  return out;
}

/// Reads up to buffer.size() bytes. @returns how many.
result<std::size_t> read_at(const file_descriptor& file, std::uint64_t offset, std::string& buffer, std::size_t size) {
  buffer.resize(size);
  while (true) {
    const auto got = ::pread(file.raw(), buffer.data(), size, static_cast<off_t>(offset));
    if (got > 0) {
      buffer.resize(static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
    if (got == 0) return error{errc::corrupt, "an artifact is shorter than it was"};
    if (errno != EINTR) return error{errc::io_failed, fmt::format("cannot read an artifact: {}", std::strerror(errno))};
  }
}

/// Streams [first, first + size). @returns false if the client left or the disk failed: the connection must be cut.
awaitable<bool> send_file(exchange& x, const file_descriptor& file, std::uint64_t first, std::uint64_t size) {
  constexpr std::uint64_t piece = 256 * 1024;
  std::string buffer;
  for (std::uint64_t done = 0; done < size;) {
    auto read = [&] { return read_at(file, first + done, buffer, std::min(piece, size - done)); };
    const auto got = co_await off_loop(x, read);
    if (!got) co_return false;
    done += *got;
    if (!co_await x.send(buffer)) co_return false;
  }
  co_return true;
}

/// A name that is safe in a Content-Disposition header (RFC 6266, RFC 8187).
std::string disposition_for(std::string_view name) {
  std::string plain, encoded;
  for (const char c : name.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_word =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
    plain += is_word || c == ' ' ? c : '_';
    encoded += is_word ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", plain, encoded);
}

response head_of(const exchange& x, const model::artifact_ref& about, const std::string& etag) {
  response out;
  out.with("Content-Type", about.media_type).with("ETag", etag).with("Accept-Ranges", "bytes");
  // Where a key is asked for, nobody else's cache may answer in the node's place.
  out.with("Cache-Control", x.app().with.tls ? "private, max-age=31536000, immutable" : "public, max-age=31536000, immutable");
  // An uploaded page must not run with this server's rights.
  out.with("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'");
  out.with("Cross-Origin-Resource-Policy", "same-origin");
  if (const auto* name = x.in.find_query("download"))
    out.with("Content-Disposition", disposition_for(name->empty() ? about.hash.hex() : *name));
  return out;
}

range_choice range_for(const request& in, std::uint64_t size, std::string_view etag) {
  const auto* range = in.find_header("Range");
  if (!range || in.verb != method::get) return {};
  // A strong comparison; there is no Last-Modified, so that no date can match (RFC 9110, 13.1.5).
  if (const auto* condition = in.find_header("If-Range"); condition && *condition != etag) return {};
  return choose_range(*range, size);
}

response unsatisfiable(std::uint64_t size) {
  auto out = problem(416, "range_not_satisfiable", fmt::format("the artifact has {} bytes", size));
  out.with("Content-Range", fmt::format("bytes */{}", size));
  return out;
}

result<digest> digest_from_base64(std::string_view text) {
  std::string raw(boost::beast::detail::base64::decoded_size(text.size()), '\0');
  const auto [written, read] = boost::beast::detail::base64::decode(raw.data(), text.data(), text.size());
  digest::raw_bytes bytes{};
  const auto rest = text.substr(std::min(read, text.size()));
  if (written != bytes.size() || rest.find_first_not_of('=') != std::string_view::npos) {
    return error{errc::bad_request, "the sha-256 in the digest header is not the base64 of 32 bytes"};
  }
  std::memcpy(bytes.data(), raw.data(), bytes.size());
  return digest{bytes};
}

/// The SHA-256 of `Repr-Digest` or `Content-Digest` (RFC 9530), or of `Digest` (RFC 3230). Other algorithms are ignored.
result<std::optional<digest>> announced_digest(const request& in) {
  for (const auto* name : {"Repr-Digest", "Content-Digest", "Digest"}) {
    auto rest = in.header_or_empty(name);
    while (!rest.empty()) {
      const auto entry = trim(rest.substr(0, rest.find(',')));
      rest.remove_prefix(std::min(rest.size(), rest.find(',') == std::string_view::npos ? rest.size() : rest.find(',') + 1));
      const auto equals = entry.find('=');
      if (equals == std::string_view::npos || !equals_ignoring_case(entry.substr(0, equals), "sha-256")) continue;
      auto value = entry.substr(equals + 1);
      if (value.size() >= 2 && value.front() == ':' && value.back() == ':') value = value.substr(1, value.size() - 2);
      TROUPE_TRY(const auto found, digest_from_base64(value));
      return std::optional{found};
    }
  }
  return std::optional<digest>{};
}

/// Refuses the content types that a foreign page can send without asking: they are never what an artifact is sent as.
std::optional<response> refuse_simple_types(const request& in) {
  const auto type = media_type_of(in.header_or_empty("Content-Type"));
  const bool has_digest = in.find_header("Repr-Digest") || in.find_header("Content-Digest") || in.find_header("Digest");
  if (type == "application/x-www-form-urlencoded" || type == "multipart/form-data" || (type == "text/plain" && !has_digest)) {
    return problem(
        415, "unsupported_media_type",
        fmt::format("an artifact is not taken as {}; send its own type, such as Content-Type: image/png (text/plain needs "
                    "a Repr-Digest header)",
                    type));
  }
  return std::nullopt;
}

/// The store that the artifact in the path is asked from: this node's own if it is there, for that is served even while all
/// threads that wait for other nodes do so.
awaitable<artifact_access> nearest(exchange& x) {
  const auto hash = artifact_named(x);
  if (!x.app().with.own_artifacts || !hash) co_return x.app().artifacts();
  const auto own = x.app().own_artifacts();
  auto look = [&] { return own.store.stat(*hash); };
  const auto here = co_await off_loop(x, look);
  co_return here ? own : x.app().artifacts();
}

}  // namespace

awaitable<result<void>> receive(exchange& x, upload& into) {
  const auto most = x.app().options.upload_most.count();
  if (x.content_length().value_or(0) > most)
    co_return error{errc::too_large, fmt::format("a file may have at most {} bytes", most)};
  while (true) {
    const auto piece = co_await x.read_piece();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return result<void>{};
    const auto added = co_await into.add(*piece);
    if (!added) co_return added.error();
  }
}

response stored_answer(int status, const model::artifact_ref& stored) {
  response out;
  out.status = status;
  out.content_type = "application/json";
  json::write_artifact(out.body, stored);
  return out;
}

result<digest> artifact_named(const exchange& x) {
  if (const auto hash = digest::from_hex(x.parameter)) return *hash;
  return error{errc::not_found, fmt::format("'{}' is no artifact; one has 64 hexadecimal digits", x.parameter)};
}

awaitable<response> send_artifact(exchange& x, artifact_access from) {
  const auto hash = artifact_named(x);
  if (!hash) co_return problem(hash.error());
  const bool is_get = x.in.verb == method::get;
  auto open = [&] { return open_artifact(from.store, *hash, is_get); };
  const auto found = co_await off_loop(x, from.pool, open);
  if (!found) co_return problem(found.error());
  const auto etag = fmt::format("\"{}\"", hash->hex());
  auto head = head_of(x, found->about, etag);
  if (const auto* known = x.in.find_header("If-None-Match"); known && names_etag(*known, etag)) {
    head.status = 304;
    co_return head;
  }
  const auto size = found->about.size.count();
  const auto range = range_for(x.in, size, etag);
  if (range.what == range_choice::kind::unsatisfiable) co_return unsatisfiable(size);
  std::uint64_t first = 0;
  std::uint64_t length = size;
  if (range.what == range_choice::kind::part) {
    first = range.first;
    length = range.last - range.first + 1;
    head.status = 206;
    head.with("Content-Range", fmt::format("bytes {}-{}/{}", range.first, range.last, size));
  }
  bool is_whole = co_await x.send_head(head, length);
  if (is_whole && is_get) is_whole = co_await send_file(x, found->file, first, length);
  head.sent = is_whole;
  co_return head;
}

awaitable<response> put_artifact(exchange& x) {
  if (auto refused = refuse_simple_types(x.in)) co_return std::move(*refused);
  const auto expected = announced_digest(x.in);
  if (!expected) co_return problem(expected.error());
  upload file{x, x.app().artifacts(), *expected};
  const auto received = co_await receive(x, file);
  if (!received) co_return problem(received.error());
  const auto stored = co_await file.finish(std::string{x.in.header_or_empty("Content-Type")});
  if (!stored) co_return problem(stored.error());
  auto out = stored_answer(201, *stored);
  out.with("Location", "/v1/artifacts/" + stored->hash.hex());
  co_return out;
}

awaitable<response> get_artifact(exchange& x) {
  if (const auto known = allow_query(x.in, {"download"}); !known) co_return problem(known.error());
  const auto from = co_await nearest(x);
  co_return co_await send_artifact(x, from);
}

}  // namespace troupe::http::endpoints
