#include "scaling/metric.hpp"

#include "model/degradation.hpp"
#include "model/pipeline_names.hpp"
#include "scaling/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace troupe::scaling {
namespace {

struct named {
  metric_kind kind;
  std::string_view name, unit;
};
constexpr std::array<named, 14> all{{{metric_kind::queue_depth, "queue_depth", ""},
                                     {metric_kind::unfinished, "unfinished", ""},
                                     {metric_kind::oldest_age, "oldest_age", "s"},
                                     {metric_kind::wait_p95, "wait_p95", "s"},
                                     {metric_kind::run_p95, "run_p95", "s"},
                                     {metric_kind::slot_use, "slot_use", "%"},
                                     {metric_kind::gpu_use, "gpu_use", "%"},
                                     {metric_kind::cpu_use, "cpu_use", "%"},
                                     {metric_kind::memory_use, "memory_use", "%"},
                                     {metric_kind::active_tasks_per_node, "active_tasks_per_node", ""},
                                     {metric_kind::connections, "connections", ""},
                                     {metric_kind::requests_per_node, "requests_per_node", ""},
                                     {metric_kind::error_rate, "error_rate", "%"},
                                     {metric_kind::prometheus, "prometheus", ""}}};

const named& entry_of(metric_kind kind) noexcept { return *std::ranges::find(all, kind, &named::kind); }

}  // namespace

std::string to_string(const metric& m) {
  const std::string name{entry_of(m.kind).name};
  return m.of.empty() ? name : name + ":" + m.of;
}

result<metric> metric_from(std::string_view text) {
  if (text.size() > limits::metric_bytes) {
    return error{errc::bad_request, fmt::format("has {} bytes; at most {} are accepted", text.size(), limits::metric_bytes)};
  }
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const auto found = std::ranges::find(all, name, &named::name);
  if (found == all.end()) {
    return error{errc::bad_request, fmt::format("{} is not known; {}", model::detail::in_quotes(name),
                                                model::detail::hint_for(name, metric_names(), "metrics"))};
  }
  const std::string of{colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1)};
  const bool may_have = found->kind == metric_kind::queue_depth || found->kind == metric_kind::prometheus;
  if (colon != std::string_view::npos && !may_have)
    return error{errc::bad_request, fmt::format("{} has no parts; leave out what follows the colon", name)};
  if (of.empty() && (found->kind == metric_kind::prometheus || colon != std::string_view::npos))
    return error{errc::bad_request, fmt::format("{} lacks what follows the colon; write {}:X", name, name)};
  const auto is_class = [&](auto each) { return of == model::to_string(each); };
  if (found->kind == metric_kind::queue_depth && !of.empty() && std::ranges::none_of(model::all_job_classes, is_class))
    return error{errc::bad_request,
                 fmt::format("queue_depth has no class {}; write background, normal or critical", model::detail::in_quotes(of))};
  return metric{found->kind, of};
}

std::vector<std::string_view> metric_names() {
  std::vector<std::string_view> names;
  names.reserve(all.size());
  for (const auto& each : all) names.push_back(each.name);
  return names;
}

std::string_view unit_of(metric_kind kind) noexcept { return entry_of(kind).unit; }

void metric_windows::add(const metric& of, sample s) {
  auto& window = all_[of];
  const auto after = std::ranges::upper_bound(window, s.at, {}, &sample::at);
  if (after != window.begin() && std::prev(after)->at == s.at)
    *std::prev(after) = s;
  else
    window.insert(after, s);
  if (window.size() > limits::window_samples) window.pop_front();
}

std::optional<double> metric_windows::latest(const metric& of, timestamp now, duration age_most) const {
  const auto found = all_.find(of);
  if (found == all_.end()) return std::nullopt;
  const auto after = std::ranges::upper_bound(found->second, now, {}, &sample::at);
  if (after == found->second.begin()) return std::nullopt;
  const auto& newest = *std::prev(after);
  if (newest.at < now - age_most || !std::isfinite(newest.value)) return std::nullopt;
  return newest.value;
}

std::optional<double> metric_windows::average(const metric& of, timestamp from, timestamp to) const {
  const auto found = all_.find(of);
  if (found == all_.end()) return std::nullopt;
  const auto first = std::ranges::upper_bound(found->second, from, {}, &sample::at);
  double sum = 0;
  int count = 0;
  for (auto each = first; each != found->second.end() && each->at <= to; ++each, ++count) {
    if (!std::isfinite(each->value)) return std::nullopt;
    sum += each->value;
  }
  return count == 0 ? std::nullopt : std::optional{sum / count};
}

}  // namespace troupe::scaling
