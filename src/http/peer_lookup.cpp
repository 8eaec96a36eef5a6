#include "http/peer_lookup.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t remembered_most = 10'000;

/// An artifact on its way from another node into the local store.
class incoming {
 public:
  incoming(model::ports::artifact_store& to, const digest& wanted) : to_(to), wanted_(wanted) {}

  result<void> take(std::string_view piece) {
    auto done = write(piece);
    if (!done) local_failure_ = done.error();
    return done;
  }
  /// @returns `errc::corrupt` if the bytes are not those that were wanted: nothing is kept then.
  result<void> finish(std::string_view media_type) {
    TROUPE_CHECK(take({}));
    if (const auto found = hash_.finish(); found != wanted_)
      return error{errc::corrupt, fmt::format("{} bytes came whose SHA-256 is {}", size_, found.hex())};
    auto stored = writer_->commit(media_type);
    if (stored) return {};
    local_failure_ = stored.error();
    return stored.error();
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Set if this node could not store what came.
  [[nodiscard]] const std::optional<error>& local_failure() const { return local_failure_; }

 private:
  result<void> write(std::string_view piece) {
    if (!writer_) {
      TROUPE_TRY(writer_, to_.begin());
    }
    hash_.update(piece);
    size_ += piece.size();
    return writer_->write(piece);
  }

  model::ports::artifact_store& to_;
  digest wanted_;
  std::unique_ptr<model::ports::artifact_writer> writer_;
  sha256 hash_;
  std::uint64_t size_ = 0;
  std::optional<error> local_failure_;
};

error nobody_has(const digest& hash) { return {errc::not_found, fmt::format("there is no artifact {}", hash.hex())}; }

}  // namespace

/// What the nodes that do not have it had to say.
struct peer_lookup::verdict {
  std::string unreachable;  ///< of one of them, for people
  std::string damaged;
  void add(const error& why) {
    if (why.code == errc::not_found) return;
    (why.code == errc::corrupt ? damaged : unreachable) = why.detail;
  }
};

peer_limits peer_lookup::limits() const {
  return {options_.connect_timeout,
          options_.silence_most,
          steady_clock::now() + options_.fetch_deadline,
          options_.rate_least,
          &stop_,
          options_.tls,
          options_.is_silent};
}

std::optional<error> peer_lookup::remembered(const digest& hash) {
  const auto found = remembered_.find(hash);
  if (found == remembered_.end()) return std::nullopt;
  if (steady_clock::now() < found->second.until) return found->second.what;
  remembered_.erase(found);
  return std::nullopt;
}

error peer_lookup::conclude(const digest& hash, const verdict& seen) {
  auto out = nobody_has(hash);
  if (!seen.damaged.empty()) out = {errc::corrupt, fmt::format("artifact {}: {}", hash.hex(), seen.damaged)};
  if (!seen.unreachable.empty()) {
    out = {errc::timed_out,
           fmt::format("artifact {} is at no node that answers, but not all do; try again ({})", hash.hex(), seen.unreachable),
           options_.remembered_for};
  }
  const auto now = steady_clock::now();
  const std::lock_guard lock{mutex_};
  if (remembered_.size() >= remembered_most)
    std::erase_if(remembered_, [now](const auto& each) { return each.second.until <= now; });
  if (remembered_.size() < remembered_most) remembered_[hash] = {now + options_.remembered_for, out};
  return out;
}

result<model::artifact_ref> peer_lookup::stat(const digest& hash, manner how) {
  {
    const std::lock_guard lock{mutex_};
    if (auto known = remembered(hash)) return *std::move(known);
  }
  const auto peers = order_.of(hash);
  if (peers.empty()) return nobody_has(hash);
  const auto within = limits();
  verdict seen;
  for (const auto& peer : peers) {
    const peer_client asked{peer.address, within};
    auto found = how == manner::touch ? asked.touch(hash) : asked.stat(hash);
    if (found || found.error().code == errc::stopping) return found;
    if (found.error().code == errc::timed_out) order_.set_silent(peer.address);
    seen.add(found.error());
  }
  return conclude(hash, seen);
}

result<void> peer_lookup::fetch(const digest& hash) {
  const auto mine = std::make_shared<flight>();
  {
    std::unique_lock lock{mutex_};
    if (auto known = remembered(hash)) return *std::move(known);
    const auto [at, is_first] = flights_.emplace(hash, mine);
    if (!is_first) {
      const auto other = at->second;
      changed_.wait(lock, [&] { return other->is_done; });
      return other->outcome;
    }
  }
  // Another fetch may have ended since the caller looked.
  result<void> outcome;
  try {
    if (!local_.path_of(hash)) outcome = fetch_from_any(hash);
  } catch (const std::exception& failed) {
    outcome = error{errc::internal, failed.what()};  // those who wait must hear of it
  }
  {
    const std::lock_guard lock{mutex_};
    flights_.erase(hash);
    mine->is_done = true;
    mine->outcome = outcome;
  }
  changed_.notify_all();
  return outcome;
}

result<void> peer_lookup::fetch_from_any(const digest& hash) {
  const auto peers = order_.of(hash);
  if (peers.empty()) return nobody_has(hash);
  const auto within = limits();
  verdict seen;
  for (const auto& peer : peers) {
    const auto failed = fetch_from(peer.address, hash, within);
    if (!failed) {
      ++fetched_;
      log::info("artifact_fetched", "artifact={} peer={}", hash.hex(), peer.address);
      return {};
    }
    const auto& why = failed->why;
    if (why.code != errc::not_found) {
      ++failed_;
      log::warn("artifact_fetch_failed", "artifact={} peer={} why={}", hash.hex(), peer.address, to_string(why));
    }
    if (failed->is_final) return why;
    if (why.code == errc::timed_out) order_.set_silent(peer.address);
    seen.add(why);
  }
  return conclude(hash, seen);
}

std::optional<peer_lookup::failure> peer_lookup::fetch_from(const std::string& address, const digest& hash,
                                                            const peer_limits& within) {
  const peer_client peer{address, within};
  incoming file{local_, hash};
  for (std::uint32_t tries = 1;; ++tries) {
    const auto before = file.size();
    const auto got = peer.get(hash, before, [&file](std::string_view piece) { return file.take(piece); });
    if (got) {
      if (const auto done = file.finish(got->media_type); !done) return failure{done.error(), file.local_failure().has_value()};
      return std::nullopt;
    }
    if (file.local_failure()) return failure{*file.local_failure(), true};
    const bool may_resume = got.error().code == errc::io_failed && file.size() > before && tries < options_.fetch_tries;
    if (!may_resume) return failure{got.error(), got.error().code == errc::stopping};
    log::info("artifact_fetch_resumed", "artifact={} peer={} at={}", hash.hex(), address, file.size());
  }
}

void peer_lookup::count(peer_counts& into) const {
  into.fetched = fetched_;
  into.fetches_failed = failed_;
}

}  // namespace troupe::http
