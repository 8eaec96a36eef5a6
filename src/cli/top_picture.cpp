#include "cli/top_picture.hpp"

#include "cli/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace troupe::cli {
namespace {

constexpr std::size_t jobs_shown = 10, bar_columns = 16;

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * bar_columns + 0.5);
  return fmt::format("[{}{}]", std::string(full, '|'), std::string(bar_columns - full, ' '));
}

std::string permille_text(std::uint64_t permille) {
  return fmt::format("{} {:>3} %", bar(static_cast<double>(permille) / 1000), permille / 10);
}

const actor_row* find(const top_picture& top, const std::string& path) {
  const auto at = std::ranges::find(top.rows, path, &actor_row::path);
  return at == top.rows.end() ? nullptr : &*at;
}

std::string address_of(const top_picture& top, const std::string& node) {
  const auto* const row = find(top, node);
  return row ? row->name : node;
}

bool is_node(const actor_row& row) { return row.path.find('/') == std::string::npos; }

std::string headline(const top_picture& top) {
  const auto up = std::ranges::count_if(top.rows, [](const auto& row) { return is_node(row) && row.state == "up"; });
  const auto all = std::ranges::count_if(top.rows, is_node);
  const auto leader = text_at(top.cluster, "leader");
  return fmt::format("troupe top - {}   {} of {} nodes up   {}{}", top.url, up, all,
                     leader.empty() ? std::string{"nobody leads"}
                                    : fmt::format("{} leads, term {}", address_of(top, leader), count_at(top.cluster, "term")),
                     top.is_paused ? "   PAUSED" : "");
}

std::string queue_line(const top_picture& top) {
  const auto line =
      fmt::format("jobs: {} queued of {} at most, {} running; {} tasks wait for a slot", count_at(top.node, "jobs_queued"),
                  count_at(top.node, "queue_limit"), count_at(top.node, "jobs_running"), count_at(top.node, "tasks_ready"));
  const auto pauses = count_at(top.node, "pauses");
  if (pauses == 0) return line;
  return fmt::format("{}, {} are paused (troupe queue says why)", line, count_at(top.node, "tasks_paused"));
}

std::string node_line(const top_picture& top, const actor_row& row) {
  std::size_t running = 0, slots = 0;
  for (const auto& each : top.rows)
    if (each.kind == "slot" && each.path.starts_with(row.path + "/slot/")) ++slots, running += each.doing.empty() ? 0 : 1;
  const auto known = std::ranges::find(top.nodes, row.path, &member::id);
  const auto state = row.state == "up" && known != top.nodes.end() ? known->state : row.state;
  return fmt::format("{:<24} {:<9} {:<8} {} {:>7} {:>9} {:>6} {:>8}", fit(row.name, 24), fit(state, 9),
                     fit(known == top.nodes.end() ? "?" : known->role, 8),
                     bar(slots ? static_cast<double>(running) / static_cast<double>(slots) : 0),
                     fmt::format("{}/{}", running, slots), rough_rate(row.handled), rough_rate(row.busy * 100), row.waiting);
}

std::string actor_line(const top_picture& top, const actor_row& row) {
  std::string from;
  std::vector<std::pair<std::string, double>> senders{row.received.begin(), row.received.end()};
  std::ranges::sort(senders, std::ranges::greater{}, &std::pair<std::string, double>::second);
  for (const auto& [who, rate] : senders) from += fmt::format("{}{} {}", from.empty() ? "" : ", ", who, rough_rate(rate));
  return fmt::format("{:<24} {:<11} {:<9} {:>9} {:>6} {:>8} {:>8}  {}",
                     fit(address_of(top, row.path.substr(0, row.path.find('/'))), 24), fit(row.name, 11),
                     fit(row.state.empty() ? "-" : row.state, 9), rough_rate(row.handled), rough_rate(row.busy * 100),
                     rough_seconds(row.mean_seconds), row.waiting, from);
}

bool is_actor(const actor_row& row) { return std::ranges::count(row.path, '/') == 2; }

std::vector<const actor_row*> ordered_actors(const top_picture& top) {
  std::vector<const actor_row*> out;
  for (const auto& row : top.rows)
    if (is_actor(row)) out.push_back(&row);
  const auto key = [&](const actor_row* row) {
    switch (top.order) {
      case top_order::busy: return row->busy;
      case top_order::rate: return row->handled;
      case top_order::mailbox: break;
    }
    return static_cast<double>(row->waiting);
  };
  std::ranges::stable_sort(out, [&](const auto* a, const auto* b) { return key(a) > key(b); });
  return out;
}

/// Where each running job is, by its id.
std::map<std::string, const actor_row*> places_of(const top_picture& top) {
  std::map<std::string, const actor_row*> out;
  for (const auto& row : top.rows)
    if (row.kind == "slot" && !row.doing.empty()) out.emplace(text_at(row.doing, "job"), &row);
  return out;
}

std::vector<std::string> job_lines(const top_picture& top) {
  std::vector<std::string> out{
      fmt::format("{:<16} {:<20} {:<14} {:<32} {}", "JOB", "PIPELINE", "STAGE", "SLOT", "PROGRESS OF THE JOB")};
  const auto places = places_of(top);
  for (const auto& each : top.jobs) {
    const auto* const job = each.if_object();
    if (!job || out.size() > jobs_shown) continue;
    const auto id = text_at(*job, "id");
    const auto at = places.find(id);
    const auto where = at == places.end()
                           ? std::string{"-"}
                           : fmt::format("{} {}", address_of(top, at->second->path.substr(0, 16)), at->second->name);
    out.push_back(fmt::format("{:<16} {:<20} {:<14} {:<32} {}", fit(id, 16), fit(text_at(*job, "pipeline"), 20),
                              fit(at == places.end() ? "-" : text_at(at->second->doing, "stage"), 14), fit(where, 32),
                              permille_text(count_at(*job, "permille"))));
  }
  if (out.size() == 1) out.push_back("(no job runs)");
  return out;
}

}  // namespace

std::string rough_rate(double rate) {
  const auto shown = std::clamp(rate, 0.0, 999'999'999.0);
  return shown < 1 ? fmt::format("{:.2f}", shown) : shown < 100 ? fmt::format("{:.1f}", shown) : fmt::format("{:.0f}", shown);
}

std::string rough_seconds(double seconds) {
  if (seconds <= 0) return "-";
  if (seconds < 0.001) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  return fmt::format("{:.1f} s", seconds);
}

std::vector<std::string> top_help() {
  return {"keys: q or F10 ends it   P by busy time   T by messages a second   M by mailbox   space holds the picture",
          "      up, down, page up, page down move through the actors   h or F1 this help"};
}

std::vector<std::string> render_top(const top_picture& top, std::size_t width, std::size_t height) {
  std::vector<std::string> lines{headline(top), queue_line(top)};
  if (!top.trouble.empty()) lines.push_back("! " + top.trouble);
  for (const auto* alarms = array_at(top.cluster, "alarms"); const auto& each : alarms ? *alarms : json::array{})
    if (const auto* const alarm = each.if_object()) lines.push_back("! " + text_at(*alarm, "why"));
  lines.push_back("");
  lines.push_back(fmt::format("{:<24} {:<9} {:<8} {:<18} {:>7} {:>9} {:>6} {:>8}", "NODE", "STATE", "ROLE", "SLOTS", "", "MSG/S",
                              "BUSY%", "MAILBOX"));
  for (const auto& row : top.rows)
    if (is_node(row)) lines.push_back(node_line(top, row));
  lines.push_back("");
  for (auto& line : job_lines(top)) lines.push_back(std::move(line));
  lines.push_back("");
  lines.push_back(fmt::format("{:<24} {:<11} {:<9} {:>9} {:>6} {:>8} {:>8}  {}", "NODE", "ACTOR", "STATE", "MSG/S", "BUSY%",
                              "MEAN", "MAILBOX", "FROM, A SECOND"));
  const auto actors = ordered_actors(top);
  for (auto i = std::min(top.scrolled, actors.empty() ? 0 : actors.size() - 1); i < actors.size(); ++i)
    lines.push_back(actor_line(top, *actors[i]));
  if (lines.size() > height) lines.resize(height);
  for (auto& line : lines) line = fit(line, width);
  return lines;
}

}  // namespace troupe::cli
