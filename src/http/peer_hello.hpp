#pragma once

#include "base/error.hpp"
#include "model/ports/transport.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// What nodes say to each other before the first frame of a link, and its form on the wire (`proto/peer.proto`).
namespace troupe::http {

/// A hello, and an answer to one, is no larger; in bytes.
inline constexpr std::size_t hello_most = 4096;
/// The versions of the protocol between nodes that this program speaks.
inline constexpr std::uint32_t peer_version_least = 1;
inline constexpr std::uint32_t peer_version_most = 1;

struct peer_hello {
  model::ports::node_card card;
  std::uint32_t version_least = peer_version_least;
  std::uint32_t version_most = peer_version_most;
  model::node_id wanted = {};  ///< whom it looks for at the address that it dialled; 0: whoever is there
  friend bool operator==(const peer_hello&, const peer_hello&) = default;
};
struct peer_hello_answer {
  peer_hello hello;
  std::string refused;    ///< why there is no link, for people; empty: there is one
  bool is_final = false;  ///< refused by what the cluster has committed of this node
};

/// `host` is a name, an IPv4 address or an IPv6 address without brackets.
struct peer_address {
  std::string host;
  std::uint16_t port = 0;
};
/// Reads "host:port" or "[IPv6]:port". @returns `errc::bad_request` for anything else, and for port 0.
[[nodiscard]] result<peer_address> read_peer_address(std::string_view text);

/// Text from elsewhere as it may stand in a log: at most 500 bytes, everything but visible ASCII and spaces replaced, quotes too.
[[nodiscard]] std::string printable(std::string_view text);

[[nodiscard]] std::string encode(const peer_hello& hello);
[[nodiscard]] std::string encode(const peer_hello_answer& answer);
/// Everything in the result has been looked at: ids that are not 0, an address that can be dialled, a sensible range of versions,
/// printable text. @returns `errc::corrupt` for anything else.
[[nodiscard]] result<peer_hello> decode_hello(std::string_view data);
[[nodiscard]] result<peer_hello_answer> decode_hello_answer(std::string_view data);

}  // namespace troupe::http
