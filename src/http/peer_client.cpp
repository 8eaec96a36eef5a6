#include "http/peer_client.hpp"

#include "http/json/certificate.hpp"
#include "http/request.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

namespace troupe::http {
namespace {

namespace beast_http = boost::beast::http;
constexpr std::size_t piece_size = std::size_t{256} * 1024;
constexpr std::uint32_t header_most = 16 * 1024;
constexpr std::size_t load_bytes_most = 4096;

/// What a node answers to one request: its head, then its body piece by piece.
class answer {
 public:
  answer(poll_socket& socket, const std::string& address) : socket_(socket), address_(address), buffer_(std::size_t{64} * 1024) {}

  /// Reads a head, that of an interim answer (100) too. The next call reads the next one.
  /// @param is_slow  whether the node may need all the time until the deadline
  result<int> read_head(bool is_head, bool is_slow = false) {
    parser_.emplace();
    parser_->header_limit(header_most);
    parser_->body_limit(boost::none);
    parser_->skip(is_head);
    while (!parser_->is_header_done()) {
      if (begin_ == end_) TROUPE_CHECK(fill(is_slow));
      TROUPE_TRY(const bool is_short, parse());
      if (is_short) TROUPE_CHECK(fill(is_slow));
    }
    return static_cast<int>(parser_->get().result_int());
  }

  /// The next piece, valid until the next call; empty at the end.
  result<std::string_view> read_piece() {
    if (piece_.empty()) piece_.resize(piece_size);
    while (!parser_->is_done()) {
      if (begin_ == end_) TROUPE_CHECK(fill(false));
      auto& body = parser_->get().body();
      body.data = piece_.data();
      body.size = piece_.size();
      body.more = true;
      TROUPE_TRY(const bool is_short, parse());
      if (const auto size = piece_.size() - body.size; size > 0) return std::string_view{piece_.data(), size};
      if (is_short && !parser_->is_done()) TROUPE_CHECK(fill(false));
    }
    return std::string_view{};
  }

  [[nodiscard]] std::string_view header(std::string_view name) const {
    const auto value = parser_->get()[boost::beast::string_view{name.data(), name.size()}];
    return {value.data(), value.size()};
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const {
    const auto length = parser_->content_length();
    return length ? std::optional{*length} : std::nullopt;
  }

 private:
  /// @returns whether more bytes are needed.
  result<bool> parse() {
    boost::system::error_code failure;
    begin_ += parser_->put(boost::asio::const_buffer{buffer_.data() + begin_, end_ - begin_}, failure);
    if (failure == beast_http::error::need_more) return true;
    if (!failure || failure == beast_http::error::need_buffer) return false;
    return error{errc::corrupt, fmt::format("{}: does not speak HTTP: {}", address_, failure.message())};
  }

  result<void> fill(bool is_slow) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
              buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    const std::span<char> room{buffer_.data() + end_, buffer_.size() - end_};
    TROUPE_TRY(const auto size, is_slow ? socket_.receive_slowly(room) : socket_.receive(room));
    if (size == 0) return error{errc::io_failed, address_ + ": closed the connection before its answer was whole"};
    end_ += size;
    return {};
  }

  poll_socket& socket_;
  const std::string& address_;
  std::vector<char> buffer_, piece_;
  std::size_t begin_ = 0, end_ = 0;
  std::optional<beast_http::response_parser<beast_http::buffer_body>> parser_;
};

std::string head_of(std::string_view method, const digest& hash, const std::string& address, std::string_view query = "",
                    bool is_last = true) {
  return fmt::format("{} /v1/peers/artifacts/{}{} HTTP/1.1\r\nHost: {}\r\nConnection: {}\r\n", method, hash.hex(), query, address,
                     is_last ? "close" : "keep-alive");
}

/// @returns the error that a status stands for which is no success.
error refusal(answer& from, int status, const std::string& address) {
  if (status == 404) return {errc::not_found, address + ": does not have it"};
  const auto detail = from.read_piece();
  return {errc::io_failed,
          fmt::format("{}: answered {}: {}", address, status, detail ? detail->substr(0, 300) : std::string_view{"-"})};
}

/// The first byte of "bytes 5-9/10".
std::optional<std::uint64_t> first_of(std::string_view content_range) {
  constexpr std::string_view unit = "bytes ";
  if (!content_range.starts_with(unit)) return std::nullopt;
  content_range.remove_prefix(unit.size());
  return to_number(content_range.substr(0, content_range.find('-')));
}

/// Where the body of an answer to "from byte `from` on" begins; a node may always send the whole.
result<std::uint64_t> first_byte(const answer& got, int status, std::uint64_t from, const std::string& address) {
  if (status == 200) return std::uint64_t{0};
  if (const auto first = first_of(got.header("Content-Range")); first && *first <= from) return *first;
  return error{errc::corrupt, address + ": sent another range than it was asked for"};
}

/// @returns false if the node answered before it had everything.
result<bool> send_file(poll_socket& to, const std::filesystem::path& path, bytes size) {
  const file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string piece(std::min<std::uint64_t>(piece_size, size.count()), '\0');
  for (std::uint64_t done = 0; done < size.count();) {
    const auto got =
        ::pread(file.raw(), piece.data(), std::min<std::uint64_t>(piece.size(), size.count() - done), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return error{errc::io_failed, fmt::format("cannot read {}: {}", path.native(), std::strerror(errno))};
    TROUPE_TRY(const bool goes_on, to.send({piece.data(), static_cast<std::size_t>(got)}));
    if (!goes_on) return false;
    done += static_cast<std::uint64_t>(got);
  }
  return true;
}

/// A media type as it may stand in a header.
std::string_view header_safe(std::string_view media_type) {
  const bool is_safe = std::ranges::none_of(media_type, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return is_safe ? media_type : "application/octet-stream";
}

}  // namespace

result<model::artifact_ref> peer_client::stat(const digest& hash) const { return ask_about(hash, ""); }
result<model::artifact_ref> peer_client::touch(const digest& hash) const { return ask_about(hash, "?touch"); }

result<std::vector<bool>> peer_client::have(std::span<const digest> hashes) const {
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  answer got{socket, address_};
  std::vector<bool> out;
  for (const auto& hash : hashes) {
    const bool is_last = out.size() + 1 == hashes.size();
    TROUPE_CHECK(socket.send(head_of("HEAD", hash, address_, "", is_last) + "\r\n"));
    TROUPE_TRY(const auto status, got.read_head(true));
    if (status != 200 && status != 404) return refusal(got, status, address_);
    out.push_back(status == 200);
  }
  return out;
}

result<model::artifact_ref> peer_client::ask_about(const digest& hash, std::string_view query) const {
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  TROUPE_CHECK(socket.send(head_of("HEAD", hash, address_, query) + "\r\n"));
  answer got{socket, address_};
  TROUPE_TRY(const auto status, got.read_head(true));
  if (status != 200) return refusal(got, status, address_);
  const auto size = got.length();
  if (!size) return error{errc::corrupt, address_ + ": does not say how long the artifact is"};
  return model::artifact_ref{hash, bytes{*size}, std::string{got.header("Content-Type")}};
}

result<model::artifact_ref> peer_client::get(const digest& hash, std::uint64_t from, const taker& take) const {
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  auto request = head_of("GET", hash, address_);
  if (from > 0) request += fmt::format("Range: bytes={}-\r\nIf-Range: \"{}\"\r\n", from, hash.hex());
  TROUPE_CHECK(socket.send(request + "\r\n"));
  answer got{socket, address_};
  TROUPE_TRY(const auto status, got.read_head(false));
  if (status != 200 && status != 206) return refusal(got, status, address_);
  const auto length = got.length();
  if (!length) return error{errc::corrupt, address_ + ": does not say how long the artifact is"};
  TROUPE_TRY(auto at, first_byte(got, status, from, address_));
  socket.allow_for(bytes{*length});
  model::artifact_ref about{hash, bytes{at + *length}, std::string{got.header("Content-Type")}};
  while (true) {
    TROUPE_TRY(auto piece, got.read_piece());
    if (piece.empty()) return about;
    const auto known = std::min<std::uint64_t>(piece.size(), from - std::min(from, at));
    at += piece.size();
    piece.remove_prefix(known);
    if (!piece.empty()) TROUPE_CHECK(take(piece));
  }
}

result<void> peer_client::put(const model::artifact_ref& about, const std::filesystem::path& file) const {
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  socket.allow_for(about.size);
  TROUPE_CHECK(socket.send(fmt::format("{}Content-Type: {}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
                                       head_of("PUT", about.hash, address_), header_safe(about.media_type), about.size.count())));
  answer got{socket, address_};
  TROUPE_TRY(auto status, got.read_head(false));
  if (status == 100) {
    TROUPE_CHECK(send_file(socket, file, about.size));
    TROUPE_TRY(status, got.read_head(false, true));  // the node syncs the file before it answers
  }
  if (status != 200 && status != 201) return refusal(got, status, address_);
  return {};
}

result<void> peer_client::get_snapshot(std::uint32_t shard, const taker& take) const {
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  TROUPE_CHECK(
      socket.send(fmt::format("GET /v1/peers/snapshots/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", shard, address_)));
  answer got{socket, address_};
  TROUPE_TRY(const auto status, got.read_head(false));
  if (status != 200) return refusal(got, status, address_);
  while (true) {
    TROUPE_TRY(const auto piece, got.read_piece());
    if (piece.empty()) return {};
    TROUPE_CHECK(take(piece));
  }
}

result<std::string> peer_client::get_node() const {
  constexpr std::size_t answer_most = std::size_t{4} << 20;
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  TROUPE_CHECK(socket.send(fmt::format("GET /v1/node HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address_)));
  answer got{socket, address_};
  TROUPE_TRY(const auto status, got.read_head(false));
  if (status != 200) return refusal(got, status, address_);
  std::string whole;
  while (whole.size() <= answer_most) {
    TROUPE_TRY(const auto piece, got.read_piece());
    if (piece.empty()) break;
    whole += piece;
  }
  return whole;
}

result<auth::granted> peer_client::get_certificate(const certificate_request& asked) const {
  constexpr std::size_t answer_most = std::size_t{64} * 1024;
  const auto body = json::to_json(asked);
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  TROUPE_CHECK(socket.send(fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      join_path, address_, body.size(), body)));
  answer got{socket, address_};
  TROUPE_TRY(const auto status, got.read_head(false, true));  // the node syncs that the token is used up
  std::string whole;
  while (whole.size() <= answer_most) {
    TROUPE_TRY(const auto piece, got.read_piece());
    if (piece.empty()) break;
    whole += piece;
  }
  if (status == 200) return json::read_granted(whole);
  return error{status < 500 ? errc::conflict : errc::io_failed,
               fmt::format("{}: {}", address_, json::detail_of_problem(whole, status))};
}

result<node_load> peer_client::get_load() const {
  TROUPE_TRY(auto socket, poll_socket::connect(address_, limits_));
  TROUPE_CHECK(socket.send(fmt::format("GET /v1/peers/load HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address_)));
  answer got{socket, address_};
  TROUPE_TRY(const auto status, got.read_head(false));
  if (status != 200) return refusal(got, status, address_);
  std::string whole;
  while (whole.size() <= load_bytes_most) {
    TROUPE_TRY(const auto piece, got.read_piece());
    if (piece.empty()) break;
    whole += piece;
  }
  return json::read_load(whole);
}

}  // namespace troupe::http
