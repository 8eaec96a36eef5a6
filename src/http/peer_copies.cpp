#include "http/peer_copies.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <system_error>

namespace troupe::http {

using std::chrono::steady_clock;

namespace {

/// Runs `work` on a thread of its own, or when it is asked for if there is none to be had.
template <class Work>
std::future<bool> begin(Work work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, work);
  }
}

}  // namespace

peer_limits peer_copies::limits_now() const {
  return {options_.connect_timeout,
          options_.silence_most,
          steady_clock::now() + options_.push_deadline,
          options_.rate_least,
          &stop_,
          options_.tls,
          options_.is_silent};
}

void peer_copies::make(const model::artifact_ref& about) {
  const auto order = order_.of(about.hash);
  if (order.empty() || options_.copies <= 1) return;
  const auto wanted = std::min<std::size_t>(options_.copies - 1, order.size());
  std::size_t made = 0;
  if (const auto file = local_.path_of(about.hash)) {
    const auto limits = limits_now();
    for (std::size_t next = 0; made < wanted && next < order.size();) {
      // While there is a copy elsewhere, nobody waits for a node that was silent a moment ago.
      if (order[next].was_silent && made > 0) break;
      std::vector<std::future<bool>> others;
      auto end = std::min(order.size(), next + wanted - made);
      while (end > next + 1 && order[end - 1].was_silent) --end;
      for (auto at = next + 1; at < end; ++at) {
        others.push_back(begin([&, at] { return put(order[at].address, about, *file, limits); }));
      }
      if (put(order[next].address, about, *file, limits)) ++made;
      for (auto& each : others) made += each.get() ? 1 : 0;
      next = end;
    }
  } else {
    log::error("artifact_lost", "artifact={} why={}", about.hash.hex(), file.error().detail);
  }
  report(about, made, wanted);
}

/// An artifact that is here, and the places where it should be, as far as they are still to be looked at.
struct peer_copies::placed {
  model::artifact_ref about;
  std::filesystem::path file;
  std::vector<std::string> places;  ///< the next one last
  bool is_mine = false;             ///< this node comes before all of them
};

repair_outcome peer_copies::repair(std::span<const digest> hashes, const std::vector<std::string>& nodes,
                                   const std::string& self) {
  repair_outcome out;
  std::vector<placed> all;
  for (const auto& hash : hashes) {
    const auto about = local_.stat(hash);
    const auto file = local_.path_of(hash);
    if (!about || !file) continue;  // it has been collected
    auto places = peer_order::rank(hash, nodes);
    places.resize(std::min<std::size_t>(places.size(), options_.copies));
    std::ranges::reverse(places);
    all.push_back({*about, *file, std::move(places)});
  }
  while (true) {
    std::map<std::string, std::vector<placed*>> asked;
    for (auto& one : all) {
      if (!one.places.empty() && one.places.back() == self) {
        one.is_mine = true;
        one.places.pop_back();
      }
      if (!one.places.empty()) asked[one.places.back()].push_back(&one);
    }
    if (asked.empty()) return out;
    for (const auto& [place, these] : asked) settle(place, these, out);
  }
}

void peer_copies::settle(const std::string& place, const std::vector<placed*>& asked, repair_outcome& out) {
  std::vector<digest> hashes;
  for (auto* one : asked) {
    one->places.pop_back();
    hashes.push_back(one->about.hash);
  }
  if (order_.was_silent(place)) {  // thousands of artifacts may have a place there
    out.is_short = true;
    return;
  }
  const auto limits = limits_now();
  const auto there = peer_client{place, limits}.have(hashes);
  if (!there) {
    if (there.error().code == errc::timed_out) order_.set_silent(place);
    out.is_short = true;
    return;
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto& one = *asked[i];
    if ((*there)[i]) {
      if (!one.is_mine) one.places.clear();
    } else if (!order_.was_silent(place) && put(place, one.about, one.file, limits_now())) {
      ++out.made;
      out.sent = out.sent + one.about.size;
      ++restored_;
      log::info("artifact_copy_restored", "artifact={} peer={}", one.about.hash.hex(), place);
    } else {
      out.is_short = true;
    }
  }
}

bool peer_copies::put(const std::string& address, const model::artifact_ref& about, const std::filesystem::path& file,
                      const peer_limits& limits) {
  const auto done = peer_client{address, limits}.put(about, file);
  ++(done ? made_ : failed_);
  if (done) return true;
  if (done.error().code == errc::timed_out) order_.set_silent(address);
  log::info("artifact_copy_failed", "artifact={} peer={} why={}", about.hash.hex(), address, to_string(done.error()));
  return false;
}

void peer_copies::report(const model::artifact_ref& about, std::size_t made, std::size_t wanted) {
  if (made < wanted) {
    ++short_;
    if (!is_short_.exchange(true))
      log::warn("artifact_copies_short", "artifact={} copies={} wanted={}", about.hash.hex(), made + 1, wanted + 1);
  } else if (is_short_.exchange(false)) {
    log::info("artifact_copies_enough", "artifact={} copies={}", about.hash.hex(), made + 1);
  }
}

void peer_copies::count(peer_counts& into) const {
  into.copies_made = made_;
  into.copies_failed = failed_;
  into.copies_short = short_;
  into.copies_restored = restored_;
}

}  // namespace troupe::http
