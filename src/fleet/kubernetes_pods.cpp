#include "fleet/kubernetes_pods.hpp"

#include "fleet/foreign_text.hpp"
#include "fleet/json_look.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe::fleet::kubernetes {
namespace {

namespace json = boost::json;
using detail::list_in;
using detail::text_in;
constexpr std::size_t why_bytes_most = 500;

pod::phase_kind phase_from(std::string_view text) {
  if (text == "Running") return pod::phase_kind::running;
  if (text == "Succeeded" || text == "Failed") return pod::phase_kind::ended;
  return text == "Unknown" ? pod::phase_kind::unknown : pod::phase_kind::pending;
}

bool is_condition(const json::object& item, std::string_view type, std::string_view status) {
  for (const auto& each : list_in(item, {"status", "conditions"}))
    if (const auto* one = each.if_object(); one && text_in(*one, {"type"}) == type) return text_in(*one, {"status"}) == status;
  return false;
}

std::string joined(const std::string& reason, const std::string& message) {
  return message.empty() ? reason : reason + ": " + message;
}

/// Why a container does not run: "ImagePullBackOff: Back-off pulling image ...". What passes by itself is no reason.
std::string why_it_waits(const json::object& container) {
  const auto reason = text_in(container, {"state", "waiting", "reason"});
  if (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing") return {};
  auto why = joined(reason, text_in(container, {"state", "waiting", "message"}));
  if (const auto last = text_in(container, {"lastState", "terminated", "reason"}); !last.empty()) {
    why += fmt::format("; it ended before: {}, exit status {}", last,
                       detail::number_in(container, {"lastState", "terminated", "exitCode"}));
  }
  return why;
}

std::string why_nothing_runs(const json::object& item) {
  for (const auto* const kind : {"initContainerStatuses", "containerStatuses"}) {
    for (const auto& each : list_in(item, {"status", kind})) {
      const auto* const container = each.if_object();
      if (!container) continue;
      if (auto why = why_it_waits(*container); !why.empty()) return why;
    }
  }
  for (const auto& each : list_in(item, {"status", "conditions"})) {
    const auto* const one = each.if_object();
    if (one && text_in(*one, {"type"}) == "PodScheduled" && text_in(*one, {"status"}) == "False")
      return joined(text_in(*one, {"reason"}), text_in(*one, {"message"}));
  }
  return {};
}

}  // namespace

pod pod_from(const json::object& item) {
  pod p;
  p.name = text_in(item, {"metadata", "name"});
  p.phase = phase_from(text_in(item, {"status", "phase"}));
  p.is_assigned = !text_in(item, {"spec", "nodeName"}).empty();
  p.is_ready = is_condition(item, "Ready", "True");
  p.is_ending = detail::look(item, {"metadata", "deletionTimestamp"}) != nullptr;
  const auto cost = text_in(item, {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"});
  int number = 0;
  if (std::from_chars(cost.data(), cost.data() + cost.size(), number).ec == std::errc{}) p.cost = number;
  p.why = foreign_text(why_nothing_runs(item), why_bytes_most);
  return p;
}

}  // namespace troupe::fleet::kubernetes
