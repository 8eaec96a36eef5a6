#include "base/error.hpp"
#include "cli/actor_rates.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/members.hpp"
#include "cli/render.hpp"
#include "cli/show_job.hpp"
#include "cli/terminal.hpp"
#include "cli/top_picture.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <sstream>

// `troupe top` and `troupe inspect`: what the actors of all nodes are at.
namespace troupe::cli {
namespace {

constexpr duration top_every = 1s, rates_over = 1s, inspect_every = 2s;
constexpr std::size_t actors_of_a_group = 200, jobs_most = 50, plain_width = 160, plain_height = 1000;

outcome<json::object> window_of(api& node, const std::vector<std::string>& open) {
  std::string target = fmt::format("/v1/actors?most={}&open=", actors_of_a_group);
  for (std::size_t i = 0; i < open.size(); ++i) target += (i ? "," : "") + encode_segment(open[i]);
  return node.call({.target = target});
}

/// The nodes, and in them what is shown; as many as can be open.
std::vector<std::string> everything_in(const json::object& window) {
  constexpr std::size_t open_most = 256;  // docs/api.md
  std::vector<std::string> nodes, groups;
  const auto* const marks = array_at(window, "marks");
  for (std::size_t i = 0; marks && i < marks->size(); ++i) {
    const auto* const mark = (*marks)[i].if_object();
    if (!mark) continue;
    const auto path = text_at(*mark, "path");
    if (const auto depth = std::ranges::count(path, '/'); depth < 2) (depth == 0 ? nodes : groups).push_back(path);
  }
  // Slots first: they say where jobs are.
  std::ranges::stable_sort(groups, std::ranges::greater{}, [](const auto& path) { return path.ends_with("/slot"); });
  nodes.insert(nodes.end(), groups.begin(), groups.end());
  if (nodes.size() > open_most) nodes.resize(open_most);
  return nodes;
}

// -- top --------------------------------------------------------------------------------------------------------------

class top_session {
 public:
  top_session(api& node, const global_options& global) : node_(node), global_(global) { picture_.url = node.url(); }

  /// @returns the failure of the first look; later ones are shown.
  outcome<void> look() {
    TROUPE_TRY(const auto window, window_of(node_, open_));
    open_ = everything_in(window);
    picture_.rows = rates_.next(window, steady_now());
    TROUPE_TRY(picture_.node, node_.call({.target = "/v1/node"}));
    TROUPE_TRY(picture_.cluster, ask_leader(global_, node_, "/v1/cluster"));
    picture_.nodes = members_in(picture_.cluster, "nodes");
    TROUPE_TRY(const auto jobs, node_.call({.target = fmt::format("/v1/jobs?state=running&limit={}", jobs_most)}));
    const auto* const list = array_at(jobs, "jobs");
    picture_.jobs = list ? *list : json::array{};
    return {};
  }

  /// Until somebody ends it.
  outcome<exit_code> run() {
    full_screen screen;
    auto next = steady_now();
    while (!was_interrupted()) {
      if (const auto now = steady_now(); now >= next) {
        next = now + top_every;
        if (!picture_.is_paused) {
          const auto looked = look();
          picture_.trouble = looked ? "" : looked.error().detail;
        }
      }
      screen.draw(is_helping_ ? top_help() : render_top(picture_, screen.width(), screen.height()));
      if (!take(screen.key_within(next - steady_now()))) return exit_code::ok;
    }
    return exit_code::ok;
  }

  void print() const {
    for (const auto& line : render_top(picture_, plain_width, plain_height)) fmt::print("{}\n", line);
  }

 private:
  /// @returns false for the key that ends it.
  bool take(key pressed) {
    constexpr std::size_t page = 10;
    auto& at = picture_.scrolled;
    if (pressed != key::none && pressed != key::help) is_helping_ = false;
    switch (pressed) {
      case key::none: break;
      case key::quit: return false;
      case key::by_busy: picture_.order = top_order::busy; break;
      case key::by_rate: picture_.order = top_order::rate; break;
      case key::by_mailbox: picture_.order = top_order::mailbox; break;
      case key::pause: picture_.is_paused = !picture_.is_paused; break;
      case key::up: at -= std::min<std::size_t>(at, 1); break;
      case key::down: at += 1; break;
      case key::page_up: at -= std::min(at, page); break;
      case key::page_down: at += page; break;
      case key::help: is_helping_ = !is_helping_; break;
      case key::other: break;
    }
    const auto actors = static_cast<std::size_t>(
        std::ranges::count_if(picture_.rows, [](const auto& row) { return std::ranges::count(row.path, '/') == 2; }));
    at = std::min(at, actors > 0 ? actors - 1 : 0);
    return true;
  }

  api& node_;
  const global_options& global_;
  actor_rates rates_;
  std::vector<std::string> open_;
  top_picture picture_;
  bool is_helping_ = false;
};

// -- inspect ----------------------------------------------------------------------------------------------------------

/// What a node says, as it may stand on a terminal.
std::string shown(const std::string& text) { return fit(text, 80); }

void print_doing(const json::object& doing) {
  fmt::print("job {}, {} {}, attempt {}, {} %", shown(text_at(doing, "job")), shown(text_at(doing, "pipeline")),
             shown(text_at(doing, "stage")), count_at(doing, "attempt"), count_at(doing, "permille") / 10);
}

/// The last lines that a worker's attempt has written.
void print_log(const std::string& log) {
  constexpr std::size_t lines_most = 10, columns = 160;
  std::deque<std::string> last;
  std::istringstream in{log};
  for (std::string line; std::getline(in, line);) {
    last.push_back(fit(line, columns));
    if (last.size() > lines_most) last.pop_front();
  }
  std::string_view title = "writes";
  for (const auto& line : last) fmt::print("  {:<10} {}\n", std::exchange(title, ""), line);
}

void print_actor(const actor_row& row, const std::string& node) {
  fmt::print("{} of node {} ({})\n", shown(row.name), shown(row.path.substr(0, 16)), shown(node));
  fmt::print("  kind       {}, begun by {}\n", shown(row.kind), row.parent.empty() ? "the node" : shown(row.parent));
  if (!row.state.empty()) fmt::print("  state      {}\n", shown(row.state));
  if (!row.doing.empty()) {
    fmt::print("  runs       ");
    print_doing(row.doing);
    fmt::print("\n");
  }
  fmt::print("  handles    {} messages/s, {} % busy, {} each\n", rough_rate(row.handled), rough_rate(row.busy * 100),
             rough_seconds(row.mean_seconds));
  fmt::print("  mailbox    {} wait now, {} each until now\n", row.waiting, rough_seconds(row.waited_seconds));
  for (const auto& [who, rate] : row.received) fmt::print("  from       {:<10} {} messages/s\n", fit(who, 10), rough_rate(rate));
  fmt::print("  restarts   {}\n", row.restarts);
  for (const auto& [most, rate] : row.times)
    if (rate > 0)
      fmt::print("  took       {:<10} {} messages/s\n", most ? "<= " + rough_seconds(*most) : "longer", rough_rate(rate));
  print_log(row.log);
}

void print_group(const actor_row& row, const std::string& node) {
  fmt::print("{:<24} {:<8} {:>4} actors  {:>9} messages/s  {:>6} % busy  {} in mailboxes\n", fit(node, 24), fit(row.name, 8),
             row.actors, rough_rate(row.handled), rough_rate(row.busy * 100), row.waiting);
}

bool is_job_id(const std::string& text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// What there is to look at: all with this name on any node ("shard-0"), or at this path, whose node may be an address.
struct target {
  std::string node;  ///< empty: any
  std::string rest;  ///< kind, kind/name, or a name alone
};

target target_of(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return {"", text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

/// The kind that an actor's name stands for: "slot-3" is a slot.
std::string kind_of(const std::string& name) { return name.substr(0, name.find('-')); }

std::vector<std::string> paths_for(const json::object& nodes, const target& wanted) {
  std::vector<std::string> out;
  const auto* const marks = array_at(nodes, "marks");
  for (std::size_t i = 0; marks && i < marks->size(); ++i) {
    const auto* const mark = (*marks)[i].if_object();
    if (!mark || text_at(*mark, "path").find('/') != std::string::npos) continue;
    const auto id = text_at(*mark, "path");
    if (!wanted.node.empty() && !id.starts_with(wanted.node) && text_at(*mark, "name") != wanted.node) continue;
    const auto name = wanted.rest.substr(wanted.rest.find('/') + 1);
    const auto kind = wanted.rest.find('/') == std::string::npos ? kind_of(name) : wanted.rest.substr(0, wanted.rest.find('/'));
    out.insert(out.end(), {id, id + "/" + kind, id + "/" + kind + "/" + name});
  }
  return out;
}

/// @returns how many were shown.
std::size_t print_rows(const std::vector<actor_row>& rows, const target& wanted) {
  std::map<std::string, std::string> names;
  for (const auto& row : rows)
    if (row.path.find('/') == std::string::npos) names[row.path] = row.name;
  const auto name = wanted.rest.substr(wanted.rest.find('/') + 1);
  const auto depth_of = [](const actor_row& row) { return std::ranges::count(row.path, '/'); };
  const bool is_actor = std::ranges::any_of(rows, [&](const auto& row) { return row.name == name && depth_of(row) == 2; });
  std::size_t shown = 0;
  for (const auto& row : rows) {
    if (row.name != name || depth_of(row) != (is_actor ? 2 : 1)) continue;
    if (!is_actor)
      print_group(row, names[row.path.substr(0, 16)]);
    else
      print_actor(row, names[row.path.substr(0, 16)]);
    ++shown;
  }
  return shown;
}

/// Of the worker beside a slot: NODE/slot/slot-3.
outcome<void> print_log_beside(api& node, const std::string& slot) {
  const auto group = slot.substr(0, 16) + "/worker";
  const auto worker = fmt::format("{}/worker{}", group, slot.substr(slot.rfind('-')));
  TROUPE_TRY(const auto window, window_of(node, {slot.substr(0, 16), group, worker}));
  for (const auto& row : actor_rates{}.next(window, {}))
    if (row.path == worker) print_log(row.log);
  return {};
}

outcome<void> inspect_job(api& node, const global_options& global, const std::string& id) {
  TROUPE_TRY(const auto job, node.call({.target = "/v1/jobs/" + encode_segment(id)}));
  if (global.json) {
    fmt::print("{}\n", json::serialize(job));
    return {};
  }
  for (const auto& line : job_lines(job, node.url())) fmt::print("{}\n", line);
  TROUPE_TRY(const auto nodes, window_of(node, {}));
  std::vector<std::string> open;
  for (const auto& node_path : everything_in(nodes)) open.insert(open.end(), {node_path, node_path + "/slot"});
  TROUPE_TRY(const auto window, window_of(node, open));
  for (const auto& row : actor_rates{}.next(window, {}))
    if (row.kind == "slot" && text_at(row.doing, "job") == id) {
      fmt::print("runs on {} of node {}: ", shown(row.name), shown(row.path.substr(0, 16)));
      print_doing(row.doing);
      fmt::print("\n");
      (void)print_log_beside(node, row.path);  // the rest is worth knowing without it
    }
  return {};
}

outcome<void> inspect_actor(api& node, const global_options& global, const std::string& what) {
  const auto wanted = target_of(what);
  TROUPE_TRY(const auto nodes, window_of(node, {}));
  const auto open = paths_for(nodes, wanted);
  if (open.empty())
    return failure{exit_code::refused, fmt::format("there is no node '{}'; `troupe nodes` lists them", wanted.node)};
  actor_rates rates;
  TROUPE_TRY(const auto first, window_of(node, open));
  (void)rates.next(first, steady_now());
  if (!wait_for(rates_over)) return failure{exit_code::interrupted, "interrupted"};
  TROUPE_TRY(const auto second, window_of(node, open));
  if (global.json) {
    fmt::print("{}\n", json::serialize(second));
    return {};
  }
  if (print_rows(rates.next(second, steady_now()), wanted) > 0) return {};
  return failure{exit_code::refused, fmt::format("there is no actor '{}'; `troupe top --once` lists them", what)};
}

}  // namespace

outcome<exit_code> run_top(const global_options& given, bool is_once) {
  auto global = given;
  if (global.patience.empty()) global.patience = "2s";  // who holds a key down wants an answer
  TROUPE_TRY(auto node, connect(global));
  top_session session{node, global};
  for (int i = 0; i < 3; ++i) TROUPE_CHECK(session.look());  // the nodes, their groups, the actors in them
  if (!is_once && full_screen::is_possible()) return session.run();
  if (!wait_for(rates_over)) return failure{exit_code::interrupted, "interrupted"};
  TROUPE_CHECK(session.look());
  session.print();
  return exit_code::ok;
}

outcome<exit_code> run_inspect(const global_options& global, const std::string& what, bool watches) {
  TROUPE_TRY(auto node, connect(global));
  do {
    if (watches && !global.json && full_screen::is_possible()) fmt::print("\x1b[H\x1b[2J");
    if (is_job_id(what))
      TROUPE_CHECK(inspect_job(node, global, what));
    else
      TROUPE_CHECK(inspect_actor(node, global, what));
    std::fflush(stdout);
  } while (watches && wait_for(inspect_every));
  if (was_interrupted()) return failure{exit_code::interrupted, "interrupted"};
  return exit_code::ok;
}

}  // namespace troupe::cli
