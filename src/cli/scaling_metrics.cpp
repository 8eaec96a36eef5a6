#include "cli/scaling_metrics.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace troupe::cli {
namespace {

class text {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP troupe_scaling_{0} {2}\n# TYPE troupe_scaling_{0} {1}\n", name, type, help);
  }
  void line(std::uint64_t value) { fmt::format_to(std::back_inserter(out_), "troupe_scaling_{} {}\n", name_, value); }
  void line(std::string_view label, std::string_view of, std::uint64_t value) {
    fmt::format_to(std::back_inserter(out_), "troupe_scaling_{}{{{}=\"{}\"}} {}\n", name_, label, of, value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string_view name_;
  std::string out_;
};

void add_present(const scaling_figures& f, text& out) {
  out.head("nodes", "gauge", "Nodes of the pool, where it is decided: as many as are wanted, and how many are how far.");
  if (f.decides) {
    out.line("state", "desired", static_cast<std::uint64_t>(f.desired));
    out.line("state", "ready", static_cast<std::uint64_t>(f.ready));
    out.line("state", "booting", static_cast<std::uint64_t>(f.booting));
    out.line("state", "leaving", static_cast<std::uint64_t>(f.leaving));
    out.line("state", "on_order", static_cast<std::uint64_t>(f.on_order));
  }
  out.head("limit_reached", "gauge", "1 while more nodes are wanted than may be, by the policy's limits; where it is decided.");
  if (f.decides) out.line(f.is_limited);
  out.head("held", "gauge", "1 while an operator holds the number; where it is decided.");
  if (f.decides) out.line(f.is_held);
  out.head("alerts", "gauge", "What the last decision says somebody should be told; where it is decided.");
  for (std::size_t i = 0; f.decides && i < scaling_figures::alerts; ++i)
    out.line("code", to_string(static_cast<scaling::alert>(i)), f.raised[i]);
}

}  // namespace

void scaling_figures::count(const scaling::decision& d) noexcept {
  ++decisions[static_cast<std::size_t>(d.why)];
  if (d.to > d.from) ++steps_out;
  if (d.to < d.from) ++steps_in;
  is_limited = d.is_degraded;
  raised = {};
  for (const auto each : d.alerts) raised[static_cast<std::size_t>(each)] = true;
}

std::string scaling_metrics(const scaling_figures& f) {
  text out;
  out.head("decides", "gauge", "1 where the number of nodes is decided.");
  out.line(f.decides);
  add_present(f, out);
  out.head("decisions_total", "counter", "Decisions of this node, by reason; most change nothing.");
  for (std::size_t i = 0; i < scaling_figures::reasons; ++i)
    out.line("reason", to_string(static_cast<scaling::reason>(i)), f.decisions[i]);
  out.head("steps_total", "counter", "Decisions of this node that changed the number.");
  out.line("direction", "out", f.steps_out);
  out.line("direction", "in", f.steps_in);
  out.head("provider_errors_total", "counter", "Calls of this node to where machines come from that failed.");
  out.line("call", "list", f.list_errors);
  out.line("call", "order", f.order_errors);
  out.line("call", "give_back", f.give_back_errors);
  return out.take();
}

}  // namespace troupe::cli
