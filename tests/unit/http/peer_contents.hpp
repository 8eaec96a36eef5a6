#pragma once

#include "http/peer_order.hpp"
#include "unit/http/fake_peer.hpp"
#include "unit/http/peer_node.hpp"

#include <cstddef>
#include <string>
#include <vector>

// What is stored, copied and looked for in the tests of artifacts at several nodes, and nodes that are of no use.
namespace troupe::http::testing {

/// Bytes that no other artifact here has.
inline std::string content_no(std::size_t number, std::size_t size = 1000) {
  auto out = std::to_string(number) + ":";
  for (std::size_t i = out.size(); i < size; ++i) out += static_cast<char>('a' + (i * 31 + i / 251 + number) % 26);
  return out;
}

/// Content for whose artifact `first` is asked before all other peers.
inline std::string content_asked_at(const std::string& first, const std::vector<std::string>& peers) {
  const peer_order order{[&peers] { return peers; }, 0ms};
  for (std::size_t number = 0;; ++number) {
    if (order.of(sha256_of(content_no(number))).front().address == first) return content_no(number);
  }
}

inline copy_options with_copies(std::uint32_t copies) {
  auto out = patient();
  out.copies = copies;
  return out;
}

inline const auto has_nothing = [](std::size_t, const std::string&, fake_peer::line& to) { to.answer("404 Not Found", "", ""); };
inline const auto is_silent = [](std::size_t, const std::string&, fake_peer::line& to) { to.wait_for_close(); };

}  // namespace troupe::http::testing
