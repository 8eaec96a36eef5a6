#include "cli/scale_command.hpp"

#include "cli/local_failure.hpp"
#include "cli/local_file.hpp"
#include "cli/policy_file.hpp"
#include "cli/units_text.hpp"
#include "scaling/scaling.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace troupe::cli {
namespace {

namespace json = boost::json;

outcome<scaling::trace> load_trace(const std::string& name) {
  if (auto built_in = scaling::built_in_trace(name)) return std::move(*built_in);
  std::error_code ignored;
  if (name.find_first_of("./") == std::string::npos && !std::filesystem::exists(name, ignored))
    return failure{exit_code::usage, scaling::built_in_trace(name).error().detail + ", or the name of a CSV file"};
  TROUPE_TRY(const auto text, read_text(name));
  return local(scaling::parse_trace(text, name));
}

/// Percent, of "hpa-70"; nothing: that is no name of Kubernetes' autoscaler.
std::optional<double> hpa_target(std::string_view name) {
  constexpr std::string_view begins = "hpa-";
  int percent = 0;
  const auto* const end = name.data() + name.size();
  if (!name.starts_with(begins) || std::from_chars(name.data() + begins.size(), end, percent).ptr != end) return std::nullopt;
  return percent >= 1 && percent <= 100 ? std::optional<double>{percent} : std::nullopt;
}

/// Who decides, under a name.
struct contestant {
  std::string name;
  scaling::pilot decides;
};

outcome<contestant> contestant_of(const std::string& name, const scale_command& given, const scaling::policy_set& other,
                                  const std::filesystem::path& program) {
  if (const auto target = hpa_target(name)) {
    // The same bounds, so that the two differ in how they decide alone.
    const scaling::hpa_options options{.target = *target, .min = std::max(1, other.bounds.min), .max = other.bounds.max};
    auto machine = std::make_shared<scaling::hpa>(options);
    return contestant{name, [machine](const scaling::observation& seen) { return machine->step(seen); }};
  }
  TROUPE_TRY(auto policy, load_policy(name, program));
  auto machine = std::make_shared<scaling::scaler>(std::move(policy.read), given.environment);
  return contestant{policy.name, [machine](const scaling::observation& seen) { return machine->step(seen); }};
}

json::object to_json(const std::string& name, const scaling::simulated& run) {
  return {{"name", name},
          {"tasks", run.tasks},
          {"wait_mean_s", run.wait_mean},
          {"wait_p50_s", run.wait_p50},
          {"wait_p95_s", run.wait_p95},
          {"wait_p99_s", run.wait_p99},
          {"wait_most_s", run.wait_most},
          {"node_hours", run.node_hours},
          {"cost", run.cost},
          {"use_percent", run.use},
          {"steps_out", run.steps_out},
          {"steps_in", run.steps_in},
          {"reversals", run.reversals},
          {"nodes_most", run.nodes_most},
          {"busy_ended", run.busy_ended},
          {"decisions", run.decisions},
          {"cost_times_wait_p95", run.score()}};
}

void print_table(const std::vector<std::pair<std::string, scaling::simulated>>& runs) {
  using scaling::simulated;
  const std::pair<const char*, std::function<double(const simulated&)>> rows[] = {
      {"tasks", [](const simulated& r) { return static_cast<double>(r.tasks); }},
      {"wait, mean, s", [](const simulated& r) { return r.wait_mean; }},
      {"wait, p50, s", [](const simulated& r) { return r.wait_p50; }},
      {"wait, p95, s", [](const simulated& r) { return r.wait_p95; }},
      {"wait, p99, s", [](const simulated& r) { return r.wait_p99; }},
      {"wait, longest, s", [](const simulated& r) { return r.wait_most; }},
      {"node hours", [](const simulated& r) { return r.node_hours; }},
      {"cost", [](const simulated& r) { return r.cost; }},
      {"slots in use, %", [](const simulated& r) { return r.use; }},
      {"nodes, most", [](const simulated& r) { return static_cast<double>(r.nodes_most); }},
      {"steps out", [](const simulated& r) { return static_cast<double>(r.steps_out); }},
      {"steps in", [](const simulated& r) { return static_cast<double>(r.steps_in); }},
      {"reversals", [](const simulated& r) { return static_cast<double>(r.reversals); }},
      {"busy nodes ended", [](const simulated& r) { return static_cast<double>(r.busy_ended); }},
      {"cost x wait p95", [](const simulated& r) { return r.score(); }}};
  fmt::print("{:<18}", "");
  for (const auto& [name, run] : runs) fmt::print(" {:>14}", name);
  fmt::print("\n");
  for (const auto& [title, value] : rows) {
    fmt::print("{:<18}", title);
    for (const auto& [name, run] : runs) fmt::print(" {:>14}", fmt::format("{:.1f}", value(run)));
    fmt::print("\n");
  }
}

outcome<void> write_whole(const std::string& file, const std::string& text) {
  TROUPE_TRY(auto writer, file_writer::open(file));
  if (!writer.write(text)) return writer.why();
  return writer.finish();
}

/// Writes the decisions of the policy while they are made.
class log_writer {
 public:
  outcome<void> open(const std::string& file, const policy_file& policy, const std::string& environment) {
    TROUPE_TRY(auto opened, file_writer::open(file));
    writer_.emplace(std::move(opened));
    is_good_ = writer_->write(scaling::decision_log::head(policy.text, policy.name, environment));
    return {};
  }
  void add(const scaling::observation& seen, const scaling::decision& d) {
    if (writer_) is_good_ = is_good_ && writer_->write(log_.line(seen, d));
  }
  outcome<void> finish() {
    if (!writer_) return {};
    if (!is_good_) return writer_->why();
    return writer_->finish();
  }

 private:
  std::optional<file_writer> writer_;
  scaling::decision_log log_;
  bool is_good_ = true;
};

}  // namespace

outcome<exit_code> run_scale_check(const global_options& global, const std::vector<std::string>& files) {
  json::array checked;
  std::size_t faults = 0;
  for (const auto& file : files) {
    TROUPE_TRY(const auto text, read_text(file));
    const auto parsed = scaling::parse_policy(text, file);
    json::object about{{"file", file}, {"ok", parsed.has_value()}};
    if (parsed) {
      about["pool"] = parsed->pool;
      if (!global.json)
        fmt::print("{}: fine: pool {}, {} to {} nodes, {} rules, {} schedules\n", file, parsed->pool, parsed->bounds.min,
                   parsed->bounds.max, parsed->rules.size(), parsed->schedules.size());
    } else {
      ++faults;
      about["detail"] = parsed.error().detail;
      if (!global.json) fmt::print(stderr, "{}\n", parsed.error().detail);
    }
    checked.push_back(std::move(about));
  }
  if (global.json) fmt::print("{}\n", json::serialize(json::object{{"policies", std::move(checked)}}));
  return faults == 0 ? exit_code::ok : exit_code::usage;
}

outcome<exit_code> run_scale_simulate(const global_options& global, const scale_command& given,
                                      const std::filesystem::path& program) {
  TROUPE_TRY(auto policy, load_policy(given.policy, program));
  TROUPE_TRY(const auto load, load_trace(given.trace));
  const auto boot = parse_duration(given.boot);
  if (!boot) return failure{exit_code::usage, "--boot " + boot.error().detail};
  const scaling::world_options options{
      .boots_for = *boot,
      .slots_per_node = given.slots,
      .price_per_node_hour = given.price,
      .first_nodes = std::clamp(scaling::nodes_at_first(load, given.slots), std::max(1, policy.read.bounds.min),
                                std::max(1, policy.read.bounds.max)),
      .seed = given.seed};
  std::vector<std::pair<std::string, scaling::simulated>> runs;
  log_writer log;
  if (!given.log.empty()) TROUPE_CHECK(log.open(given.log, policy, given.environment));
  scaling::scaler machine{policy.read, given.environment};
  runs.emplace_back(policy.name, scaling::simulate(
                                     load, options, [&](const scaling::observation& seen) { return machine.step(seen); },
                                     [&](const scaling::observation& seen, const scaling::decision& d) { log.add(seen, d); }));
  TROUPE_CHECK(log.finish());
  if (!given.compare.empty()) {
    TROUPE_TRY(const auto other, contestant_of(given.compare, given, policy.read, program));
    runs.emplace_back(other.name, scaling::simulate(load, options, other.decides));
  }
  if (!given.svg.empty()) {
    std::vector<scaling::charted> charted;
    for (const auto& [name, run] : runs) charted.push_back({name, &run});
    TROUPE_CHECK(write_whole(given.svg, scaling::chart("Trace " + load.name, charted)));
  }
  if (global.json) {
    json::array all;
    for (const auto& [name, run] : runs) all.push_back(to_json(name, run));
    fmt::print("{}\n", json::serialize(json::object{{"trace", load.name}, {"runs", std::move(all)}}));
  } else {
    print_table(runs);
  }
  return exit_code::ok;
}

outcome<exit_code> run_scale_trace(const std::string& name) {
  const auto made = scaling::built_in_trace(name);
  if (!made) return failure{exit_code::usage, made.error().detail};
  fmt::print("{}", scaling::to_csv(*made));
  return exit_code::ok;
}

outcome<exit_code> run_scale_replay(const global_options& global, const std::string& log) {
  std::ifstream file{log, std::ios::binary};
  if (!file) return failure{exit_code::local_file, fmt::format("cannot read {}", log)};
  scaling::log_replay lines{log};
  for (std::string line; std::getline(file, line);) TROUPE_CHECK(local(lines.feed(line)));
  if (file.bad()) return failure{exit_code::local_file, fmt::format("cannot read {} to its end", log)};
  const auto& found = lines.found();
  if (global.json)
    fmt::print("{}\n",
               json::serialize(json::object{
                   {"decisions", found.decisions}, {"differ", found.differ}, {"first_difference", found.first_difference}}));
  else
    fmt::print("{} decisions, {} differ\n", found.decisions, found.differ);
  if (found.differ == 0) return exit_code::ok;
  if (!global.json) fmt::print(stderr, "{}\n", found.first_difference);
  return exit_code::usage;
}

}  // namespace troupe::cli
