#include "cli/actor_rates.hpp"

#include <algorithm>

namespace troupe::cli {
namespace {

double real_at(const json::object& object, std::string_view key) {
  const auto* const value = object.if_contains({key.data(), key.size()});
  return value && value->is_number() ? value->to_number<double>() : 0;
}

actor_row row_of(const json::object& mark) {
  actor_row row;
  row.path = text_at(mark, "path");
  row.kind = text_at(mark, "kind");
  row.name = text_at(mark, "name");
  row.parent = text_at(mark, "parent");
  row.state = text_at(mark, "state");
  row.log = text_at(mark, "log");
  row.actors = count_at(mark, "actors");
  row.waiting = count_at(mark, "waiting");
  row.restarts = count_at(mark, "restarts");
  if (const auto* const doing = object_at(mark, "doing")) row.doing = *doing;
  return row;
}

/// How many there are in each bucket, in their order.
std::vector<std::pair<std::optional<double>, double>> times_of(const json::object& mark) {
  std::vector<std::pair<std::optional<double>, double>> out;
  const auto* const buckets = array_at(mark, "times");
  for (std::size_t i = 0; buckets && i < buckets->size(); ++i) {
    const auto* const bucket = (*buckets)[i].if_array();
    if (!bucket || bucket->size() != 2 || !(*bucket)[1].is_number()) continue;
    const auto most = (*bucket)[0].is_number() ? std::optional{(*bucket)[0].to_number<double>()} : std::nullopt;
    out.emplace_back(most, (*bucket)[1].to_number<double>());
  }
  return out;
}

void add_rates(actor_row& row, const json::object& now, const json::object& before, double seconds) {
  const auto grown = [&](std::string_view key) { return real_at(now, key) - real_at(before, key); };
  const auto handled = grown("handled");
  if (handled < 0 || seconds <= 0) return;  // it has begun anew
  row.handled = handled / seconds;
  row.busy = std::max(0.0, grown("busy_seconds")) / seconds;
  if (handled > 0) {
    row.mean_seconds = std::max(0.0, grown("busy_seconds")) / handled;
    row.waited_seconds = std::max(0.0, grown("in_line_seconds")) / handled;
  }
  const auto* const received = object_at(now, "received");
  const auto* const received_before = object_at(before, "received");
  for (std::size_t i = 0; received && i < received->size(); ++i) {
    const auto& one = *(received->begin() + static_cast<std::ptrdiff_t>(i));
    const std::string_view who{one.key().data(), one.key().size()};
    const auto more = real_at(*received, who) - (received_before ? real_at(*received_before, who) : 0);
    if (more > 0) row.received[std::string{who}] = more / seconds;
  }
  row.times = times_of(now);
  const auto times_before = times_of(before);
  for (std::size_t i = 0; i < row.times.size(); ++i)
    row.times[i].second = (row.times[i].second - (i < times_before.size() ? times_before[i].second : 0)) / seconds;
}

}  // namespace

std::vector<actor_row> actor_rates::next(const json::object& window, duration at) {
  const auto seconds = std::chrono::duration<double>(at - before_at_).count();
  std::vector<actor_row> rows;
  std::map<std::string, json::object> seen;
  const auto* const marks = array_at(window, "marks");
  for (std::size_t i = 0; marks && i < marks->size(); ++i) {
    const auto* const mark = (*marks)[i].if_object();
    if (!mark) continue;
    auto row = row_of(*mark);
    if (const auto before = before_.find(row.path); before != before_.end()) add_rates(row, *mark, before->second, seconds);
    seen.insert_or_assign(row.path, *mark);
    rows.push_back(std::move(row));
  }
  before_ = std::move(seen);
  before_at_ = at;
  return rows;
}

}  // namespace troupe::cli
