#include "http/peer_order.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace troupe::http {

using std::chrono::steady_clock;

namespace {

digest rank_of(const digest& hash, const std::string& address) { return sha256_of(hash.hex() + address); }

}  // namespace

std::vector<peer_order::candidate> peer_order::of(const digest& hash) const {
  std::vector<std::pair<digest, candidate>> ranked;
  for (auto& address : list_()) {
    const auto rank = rank_of(hash, address);
    ranked.push_back({rank, {std::move(address)}});
  }
  if (ranked.empty()) return {};
  for (auto& [rank, peer] : ranked) peer.was_silent = was_silent(peer.address);
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {
    return std::tie(a.second.was_silent, a.first) < std::tie(b.second.was_silent, b.first);
  });
  std::vector<candidate> out;
  out.reserve(ranked.size());
  for (auto& [rank, peer] : ranked) out.push_back(std::move(peer));
  return out;
}

std::vector<std::string> peer_order::rank(const digest& hash, const std::vector<std::string>& addresses) {
  std::map<digest, std::string> ranked;
  for (const auto& address : addresses) ranked.emplace(rank_of(hash, address), address);
  std::vector<std::string> out;
  out.reserve(ranked.size());
  for (auto& [rank, address] : ranked) out.push_back(std::move(address));
  return out;
}

void peer_order::set_silent(const std::string& address) {
  const auto now = steady_clock::now();
  const std::lock_guard lock{mutex_};
  std::erase_if(silent_until_, [now](const auto& entry) { return entry.second <= now; });
  silent_until_[address] = now + silent_comes_last_;
}

bool peer_order::was_silent(const std::string& address) const {
  if (is_silent_ && is_silent_(address)) return true;
  const std::lock_guard lock{mutex_};
  const auto silent = silent_until_.find(address);
  return silent != silent_until_.end() && steady_clock::now() < silent->second;
}

}  // namespace troupe::http
