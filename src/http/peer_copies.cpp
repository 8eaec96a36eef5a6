#include "http/peer_copies.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"

#include <algorithm>
#include <future>
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
          options_.tls};
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

repair_outcome peer_copies::repair(const digest& hash, const std::vector<std::string>& nodes, const std::string& self) {
  repair_outcome out;
  const auto about = local_.stat(hash);
  const auto file = local_.path_of(hash);
  if (!about || !file) return out;  // it has been collected
  auto places = peer_order::rank(hash, nodes);
  places.resize(std::min<std::size_t>(places.size(), options_.copies));
  bool is_mine = false;  // this node comes before all places that are still to be looked at
  for (const auto& place : places) {
    if (place == self) {
      is_mine = true;
      continue;
    }
    if (order_.was_silent(place)) {  // thousands of artifacts may have a place there
      out.is_short = true;
      continue;
    }
    const auto limits = limits_now();
    const auto there = peer_client{place, limits}.stat(hash);
    if (there && !is_mine) return out;
    if (there) continue;
    if (there.error().code == errc::not_found && put(place, *about, *file, limits)) {
      ++out.made;
      out.sent = out.sent + about->size;
      ++restored_;
      log::info("artifact_copy_restored", "artifact={} peer={}", hash.hex(), place);
    } else {
      if (there.error().code == errc::timed_out) order_.set_silent(place);
      out.is_short = true;
    }
  }
  return out;
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
