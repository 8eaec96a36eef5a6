#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/roll_plan.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

namespace troupe::cli {
namespace {

constexpr duration look_again = 500ms;

void tell(const std::string& line) { std::fputs(("troupe: " + line + "\n").c_str(), stderr); }

/// Restarts the nodes of a cluster in turn. It speaks with any node but the one whose turn it is.
class roll {
 public:
  roll(const global_options& global, const std::string& restart, std::vector<member> nodes, duration deadline, duration patience)
      : global_(global), restart_(restart), nodes_(std::move(nodes)), deadline_(deadline), patience_(patience) {}

  outcome<void> all() {
    for (const auto& node : nodes_) {
      TROUPE_CHECK(
          wait_until(node, "the cluster can spare it", [&](const json::object& cluster) { return why_not_roll(cluster); }));
      TROUPE_CHECK(one(node));
    }
    return {};
  }

 private:
  outcome<void> one(const member& node) {
    tell(fmt::format("node {} ({}): draining", node.id, node.address));
    TROUPE_CHECK(change(node, "/drain", json::serialize(json::object{{"deadline_ms", deadline_.count()}})));
    TROUPE_CHECK(wait_until(node, "it is drained", [&](const json::object& cluster) {
      const auto seen = find_in(cluster, node);
      return seen && seen->state == "drained" ? std::string{} : std::string{"it is draining"};
    }));
    TROUPE_CHECK(restart(node));
    TROUPE_CHECK(wait_until(node, "it has started anew", [&](const json::object& cluster) {
      const auto seen = find_in(cluster, node);
      return seen && seen->starts != node.starts && votes_or_learns(*seen) ? std::string{}
                                                                           : std::string{"it has not started anew"};
    }));
    std::uint64_t wanted = 0;
    TROUPE_CHECK(wait_until(node, "it has caught up", [&](const json::object& cluster) {
      if (wanted == 0) wanted = count_at(cluster, "log_index");
      return flag_at(cluster, "leads") && has_caught_up(cluster, node.id, wanted) ? std::string{}
                                                                                  : std::string{"it lacks a part of the log"};
    }));
    TROUPE_CHECK(change(node, "/resume", ""));
    tell(fmt::format("node {} ({}): works again", node.id, node.address));
    return {};
  }

  static bool votes_or_learns(const member& node) { return votes(node) || node.role == "learner"; }

  static std::optional<member> find_in(const json::object& cluster, const member& node) {
    const auto nodes = members_in(cluster, "nodes");
    const auto found = std::ranges::find(nodes, node.id, &member::id);
    return found == nodes.end() ? std::nullopt : std::optional{*found};
  }

  outcome<void> restart(const member& node) {
    if (restart_.empty()) {
      tell(fmt::format("node {} ({}): restart it now; this goes on when it has started anew", node.id, node.address));
      return {};
    }
    const auto command = restart_command_for(restart_, node);
    tell(fmt::format("node {} ({}): {}", node.id, node.address, command));
    const int status = std::system(command.c_str());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return failure{exit_code::refused,
                   fmt::format("`{}` failed; node {} is drained and was left so: `troupe node resume {}` lets it "
                               "work again",
                               command, node.id, node.id)};
  }

  /// @param why_not  empty once it is so
  outcome<void> wait_until(const member& node, const char* what, const std::function<std::string(const json::object&)>& why_not) {
    const auto until = steady_now() + patience_;
    for (;;) {
      const auto cluster = ask(node);
      const auto why = cluster ? why_not(*cluster) : cluster.error().detail;
      if (why.empty()) return {};
      if (steady_now() >= until)
        return failure{exit_code::refused,
                       fmt::format("stopped at node {} ({}): waited {} until {}: {}; it is left as it is, drained perhaps: "
                                   "`troupe node resume {}` lets it work again",
                                   node.id, node.address, format_duration(patience_), what, why, node.id)};
      if (!wait_for(look_again))
        return failure{exit_code::interrupted,
                       fmt::format("interrupted at node {}; if it is drained, `troupe node resume {}` lets it "
                                   "work again",
                                   node.id, node.id)};
    }
  }

  /// The leader's picture, through the first other node that answers.
  outcome<json::object> ask(const member& but) {
    return through_another(but, [](const global_options& there, api& node) { return ask_leader(there, node, "/v1/cluster"); });
  }

  outcome<json::object> change(const member& node, const char* what, const std::string& body) {
    return through_another(node, [&](const global_options&, api& other) {
      return other.call({.method = "POST",
                         .target = "/v1/nodes/" + encode_segment(node.id) + what,
                         .headers = {"Content-Type: application/json"},
                         .body = body});
    });
  }

  outcome<json::object> through_another(const member& but,
                                        const std::function<outcome<json::object>(const global_options&, api&)>& what) {
    failure last{exit_code::unreachable, "no other node answers"};
    for (const auto& other : nodes_) {
      if (other.id == but.id) continue;
      const auto there = at(global_, other.address);
      TROUPE_TRY(auto node, connect(there));
      node.tell_through([](const std::string&) {});
      auto answer = what(there, node);
      if (answer || answer.error().code != exit_code::unreachable) return answer;
      last = answer.error();
    }
    return last;
  }

  const global_options& global_;
  const std::string& restart_;
  std::vector<member> nodes_;
  duration deadline_, patience_;
};

}  // namespace

outcome<exit_code> run_cluster_roll(const global_options& global, const roll_options& given) {
  const auto deadline = parse_duration(given.deadline), timeout = parse_duration(given.timeout);
  if (!deadline) return failure{exit_code::usage, "--deadline " + deadline.error().detail};
  if (!timeout) return failure{exit_code::usage, "--timeout " + timeout.error().detail};
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto cluster, ask_leader(global, node, "/v1/cluster"));
  if (const auto why = why_not_roll(cluster); !why.empty()) return failure{exit_code::refused, "nothing was begun: " + why};
  TROUPE_CHECK(roll(global, given.restart, roll_order(cluster), *deadline, *timeout).all());
  TROUPE_TRY(const auto end, ask_leader(global, node, "/v1/cluster"));
  if (global.json) fmt::print("{}\n", json::serialize(end));
  tell("all nodes were started anew");
  return exit_code::ok;
}

}  // namespace troupe::cli
