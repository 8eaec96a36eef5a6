#include "unit/raft/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::raft::testing {

void simulation::broken(const std::string& promise) {
  if (!broken_) broken_ = fmt::format("seed {}, {} ms, step {}: {}", seed_, to_unix_ms(now_), counts_.steps, promise);
}

void simulation::check_term(node& which) {
  const auto current = which.core->state().hard.current;
  if (current < which.highest) broken(fmt::format("server {}: its term went back", which.id.raw()));
  which.highest = current;
}

void simulation::check_message(const node& from, const message& what) {
  const auto durable = from.disk_hard;
  const auto* const pre = std::get_if<pre_vote_reply>(&what.body);
  const bool is_hypothetical = std::holds_alternative<pre_vote_request>(what.body) || (pre && pre->granted);
  if (!is_hypothetical && what.at > durable.current) return broken("a message bears a term that is not durable");
  const auto* const vote = std::get_if<vote_reply>(&what.body);
  if (vote && vote->granted && durable != hard_state{what.at, what.to}) return broken("a vote leaves before it is durable");
  if (std::holds_alternative<vote_request>(what.body) && durable != hard_state{what.at, from.id})
    return broken("a candidate asks for votes before its own is durable");
  if (const auto* const accepted = std::get_if<append_accepted>(&what.body)) {
    const auto mine = from.disk.term_at(accepted->match);
    const auto written = from.memory.term_at(accepted->match);
    const bool is_dropped = accepted->match < from.memory.base.index;
    if (!is_dropped && (!mine || mine != written))
      return broken(fmt::format("server {} acknowledges {} to {}, its disk has {} to {}", from.id.raw(), accepted->match.raw(),
                                what.to.raw(), from.disk.base.index.raw(), from.disk.last().raw()));
  }
}

void simulation::check_leader(const node& which) {
  ++counts_.elections;
  if (handover_ && handover_->second == which.id && handover_->first < which.highest) ++counts_.handovers;
  handover_.reset();
  const auto at = which.highest;
  const auto [known, is_new] = leaders_.emplace(at, which.id);
  if (!is_new) return broken(fmt::format("servers {} and {} lead in term {}", known->second.raw(), which.id.raw(), at.raw()));
  // Leader completeness: what was committed in an earlier term is in this leader's log.
  for (std::size_t i = 0; i < history_.size(); ++i) {
    const log_index index{i + 1};
    if (history_[i].seen_in >= at || index < which.memory.base.index) continue;
    if (which.memory.term_at(index) != history_[i].at)
      return broken(fmt::format("leader {} of term {} lacks committed entry {}", which.id.raw(), at.raw(), index.raw()));
  }
}

void simulation::check_committed(node& which, const std::vector<entry>& entries) {
  for (const auto& e : entries) {
    if (e.index != next(which.applied)) return broken("a committed entry is handed out twice or left out");
    which.applied = e.index;
    if (which.memory.term_at(e.index) != e.at) return broken("an entry is handed out that is not in the server's own log");
    if (e.index.raw() > history_.size()) {
      const auto holds = [&e](const node& n) { return n.disk.base.index > e.index || n.disk.term_at(e.index) == e.at; };
      const auto copies = static_cast<std::size_t>(std::count_if(nodes_.begin(), nodes_.end(), holds));
      if (!has_changes_ && copies <= nodes_.size() / 2)
        return broken(fmt::format("entry {} is committed on {} disks", e.index.raw(), copies));
      history_.push_back({e.at, e.payload, e.kind, which.highest});
      ++counts_.committed;
      continue;
    }
    const auto& known = history_[e.index.raw() - 1];
    const bool is_same_payload = (!known.payload && !e.payload) || (known.payload && e.payload && *known.payload == *e.payload);
    if (known.at != e.at || !is_same_payload)
      return broken(fmt::format("server {} has another committed entry {}", which.id.raw(), e.index.raw()));
  }
}

void simulation::check_reads(const std::vector<read_outcome>& outcomes) {
  for (const auto& outcome : outcomes) {
    const auto asked = reads_.find(outcome.number);
    if (asked == reads_.end()) return broken("a read is answered twice");
    if (outcome.index) {
      ++counts_.reads;
      if (*outcome.index < asked->second)
        return broken(fmt::format("a read at {} misses {}, which was committed when it was asked for", outcome.index->raw(),
                                  asked->second.raw()));
    }
    reads_.erase(asked);
  }
}

void simulation::check_log_matching() {
  for (std::size_t a = 0; a < nodes_.size(); ++a) {
    for (std::size_t b = a + 1; b < nodes_.size(); ++b) {
      const auto& one = nodes_[a].memory;
      const auto& other = nodes_[b].memory;
      const auto first = std::max(one.base.index, other.base.index);
      bool is_common = false;
      for (auto index = std::min(one.last(), other.last()); index > first; index = previous(index)) {
        const bool is_equal = one.term_at(index) == other.term_at(index);
        if (is_common && !is_equal)
          return broken(fmt::format("logs of {} and {} differ before a common entry, at {}", a + 1, b + 1, index.raw()));
        is_common = is_common || is_equal;
      }
    }
  }
}

}  // namespace troupe::raft::testing
