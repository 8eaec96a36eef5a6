#include "sim/history.hpp"

#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace troupe::sim {
namespace {

using model::job_state;
constexpr std::size_t operations_most = 60;  // of a key; each is a bit of a set

/// One job, as its clients can tell.
struct specification {
  model::job_id job;  ///< 0: there is none
  job_state state = job_state::queued;
  std::uint64_t revision = 0;
  [[nodiscard]] bool is_there() const noexcept { return job.raw() != 0; }
  friend auto operator<=>(const specification&, const specification&) = default;
};

/// A client's operation, or one of the cluster: the job ends, or is forgotten.
struct happening {
  const operation* of = nullptr;
  model::job_id job;
  std::optional<job_state> ends_as;  // else it is forgotten
  [[nodiscard]] timestamp called() const { return of ? of->called : timestamp{}; }
  [[nodiscard]] timestamp returned() const { return of ? of->returned : timestamp::max(); }
};

class search {
 public:
  explicit search(std::vector<happening> all) : all_(std::move(all)) {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (all_[i].returned() != timestamp::max()) must_ |= std::uint64_t{1} << i;
    }
  }
  bool finds(std::uint64_t taken, const specification& state) {
    if ((taken & must_) == must_) return true;
    if (!seen_.emplace(taken, state).second) return false;
    auto first_return = timestamp::max();
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (!(taken >> i & 1)) first_return = std::min(first_return, all_[i].returned());
    }
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (taken >> i & 1 || all_[i].called() > first_return) continue;
      const auto next = after(all_[i], state);
      if (next && finds(taken | std::uint64_t{1} << i, *next)) return true;
    }
    return false;
  }

 private:
  [[nodiscard]] std::optional<specification> after(const happening& what, specification state) const {
    if (what.of) return after(*what.of, state);
    if (state.job != what.job) return std::nullopt;
    if (!what.ends_as) return is_final(state.state) ? std::optional{specification{}} : std::nullopt;
    if (is_final(state.state)) return std::nullopt;
    state.state = *what.ends_as;
    return state;
  }
  [[nodiscard]] std::optional<specification> after(const operation& what, specification state) const {
    switch (what.what) {
      case operation::kind::submit: return after_submit(what, state);
      case operation::kind::cancel: return after_cancel(what, state);
      default: return after_read(what, state);
    }
  }
  [[nodiscard]] std::optional<specification> after_submit(const operation& what, const specification& state) const {
    if (!state.is_there()) {
      if (what.told == operation::outcome::conflict || (what.told == operation::outcome::done && !what.is_new))
        return std::nullopt;
      return specification{what.job, job_state::queued, 1};
    }
    if (what.told == operation::outcome::unknown) return std::nullopt;  // as good as if it never came
    const bool is_same = body_of(state.job) == what.body;
    if (what.told == operation::outcome::conflict) return is_same ? std::nullopt : std::optional{state};
    if (!is_same || what.named != state.job || what.is_new != (what.job == state.job)) return std::nullopt;
    return state;
  }
  [[nodiscard]] static std::optional<specification> after_cancel(const operation& what, specification state) {
    const bool is_known = state.job == what.job;
    switch (what.told) {
      case operation::outcome::not_found: return is_known ? std::nullopt : std::optional{state};
      case operation::outcome::conflict:
        return is_known && is_final(state.state) && state.state != job_state::cancelled ? std::optional{state} : std::nullopt;
      default: break;
    }
    if (!is_known || (is_final(state.state) && state.state != job_state::cancelled)) return std::nullopt;
    state.state = job_state::cancelled;
    return state;
  }
  [[nodiscard]] static std::optional<specification> after_read(const operation& what, specification state) {
    if (what.told == operation::outcome::not_found) return state.job == what.job ? std::nullopt : std::optional{state};
    if (state.job != what.job || what.revision < state.revision) return std::nullopt;
    if (is_final(state.state) ? what.state != state.state : is_final(what.state)) return std::nullopt;
    state.revision = what.revision;
    return state;
  }
  [[nodiscard]] digest body_of(model::job_id job) const {
    const auto made = std::find_if(all_.begin(), all_.end(), [job](const happening& one) {
      return one.of && one.of->what == operation::kind::submit && one.of->job == job;
    });
    return made == all_.end() ? digest{} : made->of->body;
  }

  std::vector<happening> all_;
  std::uint64_t must_ = 0;
  std::set<std::pair<std::uint64_t, specification>> seen_;
};

std::string text_of(const happening& one, timestamp began) {
  if (!one.of) return fmt::format("\n  job {} {}", one.job.text(), one.ends_as ? to_string(*one.ends_as) : "is forgotten");
  constexpr const char* kinds[] = {"submit", "cancel", "read"};
  constexpr const char* outcomes[] = {"unknown", "done", "conflict", "not found"};
  const auto& what = *one.of;
  const auto returned = what.returned == timestamp::max() ? -1 : (what.returned - began).count();
  return fmt::format("\n  {}..{} {} {}: {} {}{} {} revision {}", (what.called - began).count(), returned,
                     kinds[static_cast<int>(what.what)], what.job.text(), outcomes[static_cast<int>(what.told)],
                     what.named.text(), what.is_new ? " new" : "", to_string(what.state), what.revision);
}

}  // namespace

history::number history::begins(const std::string& key, operation what) {
  all_.push_back(what);
  by_key_[key].push_back(all_.size() - 1);
  return all_.size() - 1;
}

void history::check(world& of) const {
  for (const auto& [key, numbers] : by_key_) {
    std::vector<happening> all;
    for (const auto which : numbers) {
      const auto& one = all_[which];
      const bool has_effect =
          one.what != operation::kind::read && (one.what != operation::kind::submit || of.judge.knows(one.job));
      if (one.told == operation::outcome::unknown && !has_effect) continue;
      all.push_back({&one, one.job, std::nullopt});
      if (one.what != operation::kind::submit || !of.judge.knows(one.job)) continue;
      const auto end = of.judge.end_of(one.job);
      if (end && *end != job_state::cancelled) all.push_back({nullptr, one.job, end});
      if (end && of.how.is_expiring) all.push_back({nullptr, one.job, std::nullopt});
    }
    // To look at fewer reads is to know less, and never wrong.
    while (all.size() > operations_most) {
      const auto read = std::find_if(all.begin(), all.end(),
                                     [](const happening& one) { return one.of && one.of->what == operation::kind::read; });
      if (read == all.end()) break;
      all.erase(read);
    }
    if (all.size() > 64) continue;
    ++of.counts.histories;
    of.counts.operations += all.size();
    if (search{all}.finds(0, {})) continue;
    std::string text = fmt::format("what was asked and answered about {} fits no single job:", key);
    for (const auto& one : all) text += text_of(one, from_unix_ms(1'700'000'000'000));
    throw violation{"linear", text};
  }
}

}  // namespace troupe::sim
