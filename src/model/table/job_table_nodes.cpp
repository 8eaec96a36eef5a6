#include "base/size_text.hpp"
#include "model/table/job_table.hpp"
#include "model/table/node_changes.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

// The nodes of the cluster: those that started, those that shall not work, those that were taken out.
namespace troupe::model {
namespace {

constexpr std::string_view removed_name = "removed_nodes";
constexpr std::string_view changes_name = "node_changes", queue_changes_name = "queue_changes";
constexpr std::size_t removed_most = 1'000;

using node_state = job_table::node_state;

node_state state_from(std::string_view text) {
  if (text == "draining") return node_state::draining;
  return text == "drained" ? node_state::drained : node_state::active;
}

bool takes_tasks(const job_table::known_node& node) {
  return node.state == node_state::active && (!node.traits || node.traits->works);
}

node_id id_from(std::string_view text) { return node_id{std::stoull(std::string{text})}; }

json::object object_of(const node_traits& traits) {
  json::object out{{"program", traits.program}, {"reads", {traits.reads.least, traits.reads.most}},
                   {"stores", traits.stores},   {"works", traits.works},
                   {"slots", traits.slots},     {"labels", json::array(traits.labels.begin(), traits.labels.end())}};
  if (!traits.domain.empty()) out["domain"] = traits.domain;
  return out;
}

node_traits traits_from(const json::object& from) {
  node_traits traits;
  traits.program = std::string{from.at("program").as_string()};
  const auto& reads = from.at("reads").as_array();
  traits.reads = {reads.at(0).to_number<std::uint32_t>(), reads.at(1).to_number<std::uint32_t>()};
  traits.stores = from.at("stores").as_bool();
  traits.works = from.at("works").as_bool();
  traits.slots = from.at("slots").to_number<std::uint32_t>();
  for (const auto& label : from.at("labels").as_array()) traits.labels.emplace_back(label.as_string());
  if (const auto* domain = from.if_contains("domain")) traits.domain = std::string{domain->as_string()};
  return traits;
}

/// What is as it was before there was such a member is left out.
json::object object_of(const job_table::known_node& node) {
  json::object out{{"boot", node.boot.raw()}, {"address", node.address}};
  if (node.mark != 0) out["mark"] = node.mark;
  if (node.state != node_state::active) out["state"] = to_string(node.state);
  if (node.hand_back_at) out["hand_back_ms"] = to_unix_ms(*node.hand_back_at);
  if (node.traits) out["traits"] = object_of(*node.traits);
  return out;
}

job_table::known_node node_from(const json::object& from) {
  job_table::known_node node;
  node.boot = incarnation{from.at("boot").to_number<std::uint64_t>()};
  node.address = std::string{from.at("address").as_string()};
  if (const auto* mark = from.if_contains("mark")) node.mark = mark->to_number<std::uint64_t>();
  if (const auto* state = from.if_contains("state")) node.state = state_from(state->as_string());
  if (const auto* at = from.if_contains("hand_back_ms")) node.hand_back_at = from_unix_ms(at->to_number<std::int64_t>());
  if (const auto* traits = from.if_contains("traits")) node.traits = traits_from(traits->as_object());
  return node;
}

/// What is set for the whole cluster: pauses, what is done at the limit, what is remembered of scaling.
bool is_setting(const command& body) {
  return std::holds_alternative<pause_command>(body) || std::holds_alternative<unpause_command>(body)
         || std::holds_alternative<degrade_command>(body) || std::holds_alternative<scaling_command>(body);
}

/// The node that a command changes on behalf of an operator.
std::optional<node_id> changed_by(const command& body) {
  if (const auto* drain = std::get_if<drain_command>(&body)) return drain->node;
  if (const auto* resume = std::get_if<resume_command>(&body)) return resume->node;
  if (const auto* remove = std::get_if<remove_command>(&body)) return remove->node;
  return std::nullopt;
}

error unknown(node_id node) { return {errc::not_found, fmt::format("no node {:016x} belongs to the cluster", node.raw())}; }

}  // namespace

/// It works again if it was to stop: there is nobody else.
std::string only_node(const std::string& stored, node_id kept) {
  json::object out;
  const auto parsed = json::parse(stored);
  for (const auto& [id, node] : parsed.as_object()) {
    if (id_from(id) != kept) continue;
    auto found = node_from(node.as_object());
    found.state = node_state::active;
    found.hand_back_at.reset();
    out[id] = object_of(found);
  }
  return json::serialize(out);
}

std::optional<apply_reply> answer_late_change(table_store& store, const stamped_command& entry) {
  const auto node = changed_by(entry.body);
  if (!entry.origin || (!node && !is_setting(entry.body))) return std::nullopt;
  const auto name = node ? changes_name : queue_changes_name;
  const auto stored = store.load_value(name);
  auto last = stored ? json::parse(*stored).as_object() : json::object{};
  const auto asker = std::to_string(entry.origin->node.raw());
  const std::pair number{entry.origin->boot.raw(), entry.origin->token};
  if (const auto* known = last.if_contains(asker)) {
    const std::pair before{known->at("boot").to_number<std::uint64_t>(), known->at("token").to_number<std::uint64_t>()};
    const error too_late{errc::conflict,
                         fmt::format("a later change of {} was faster; try again", node ? "nodes" : "what is set")};
    const bool is_double = number == before;
    // Who was refused the first time, because its term was over, is refused once more.
    if (is_double && std::holds_alternative<scaling_command>(entry.body)) return std::nullopt;
    if (number <= before && node) return is_double ? result<node_id>{*node} : result<node_id>{too_late};
    if (number <= before) return is_double ? result<pause_outcome>{pause_outcome{}} : result<pause_outcome>{too_late};
  }
  last[asker] = {{"boot", number.first}, {"token", number.second}};
  store.save_value(name, json::serialize(last));
  return std::nullopt;
}

const char* to_string(job_table::node_state state) noexcept {
  switch (state) {
    case node_state::active: return "active";
    case node_state::draining: return "draining";
    case node_state::drained: return "drained";
  }
  return "unknown";
}

void job_table::load_nodes() {
  if (const auto stored = store_.load_value(version_name)) cluster_version_ = static_cast<std::uint32_t>(std::stoul(*stored));
  store_.use_version(cluster_version_);
  if (const auto stored = store_.load_value(nodes_name)) {
    const auto parsed = json::parse(*stored);
    for (const auto& [id, node] : parsed.as_object()) nodes_[id_from(id)] = node_from(node.as_object());
  }
  note_hand_backs();
  if (const auto stored = store_.load_value(removed_name)) {
    const auto parsed = json::parse(*stored);
    for (const auto& [id, node] : parsed.as_object())
      removed_nodes_[id_from(id)] = {from_unix_ms(node.at("at_ms").to_number<std::int64_t>()),
                                     std::string{node.at("reason").as_string()}};
  }
}

/// An object: the id in decimal digits to the node. When many nodes come at once, it is made once.
void job_table::save_nodes() {
  slots_.reset();
  store_.save_value_later(nodes_name, [this] {
    json::object out;
    for (const auto& [id, node] : nodes_) out[std::to_string(id.raw())] = object_of(node);
    return json::serialize(out);
  });
}

void job_table::save_removed_nodes() {
  while (removed_nodes_.size() > removed_most) {
    removed_nodes_.erase(std::min_element(removed_nodes_.begin(), removed_nodes_.end(),
                                          [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
  }
  json::object out;
  for (const auto& [id, node] : removed_nodes_)
    out[std::to_string(id.raw())] = {{"at_ms", to_unix_ms(node.at)}, {"reason", node.reason}};
  store_.save_value(removed_name, json::serialize(out));
}

bool job_table::is_active(node_id node) const {
  if (removed_nodes_.contains(node)) return false;
  const auto known = nodes_.find(node);
  return known == nodes_.end() || known->second.state == node_state::active;
}

bool job_table::has_worker() const {
  return nodes_.empty() || std::ranges::any_of(nodes_, [](const auto& entry) { return takes_tasks(entry.second); });
}

std::string job_table::why_no_slot(const stage& plan) const {
  if (!has_worker()) return "no node takes work: each one is drained, or only stores";
  const auto memory = plan.memory == bytes{0}
                          ? std::string{}
                          : fmt::format(" of a node whose tasks may claim {} (memory.budget)", format_size(plan.memory));
  if (plan.labels.empty()) return memory.empty() ? "" : "waits for a free slot" + memory;
  const auto names = fmt::format("{}", fmt::join(plan.labels, ", "));
  const bool has_place = std::ranges::any_of(nodes_, [&](const auto& entry) {
    const auto& node = entry.second;
    return takes_tasks(node) && (!node.traits || std::ranges::includes(node.traits->labels, plan.labels));
  });
  return has_place ? fmt::format("waits for a free slot with the labels {}{}", names, memory)
                   : fmt::format("no node that takes work has slots with the labels {}", names);
}

std::size_t job_table::tasks_on(node_id node) const {
  const auto found = tasks_on_.find(node);
  return found == tasks_on_.end() ? 0 : found->second;
}

std::vector<std::pair<task_id, job_table::running_attempt>> job_table::running_on(node_id node) const {
  std::vector<std::pair<task_id, running_attempt>> found;
  for (auto at = running_on_.lower_bound({node, {}, 0}); at != running_on_.end() && at->first.node == node; ++at)
    found.emplace_back(at->second, running_.at(at->second));
  std::ranges::sort(found, {}, &std::pair<task_id, running_attempt>::first);
  return found;
}

void job_table::on(const boot_command& c, apply_effects& out) {
  if (removed_nodes_.contains(c.node)) return;
  auto& node = nodes_[c.node];
  if (c.boot < node.boot) return;  // it came late: the node has started anew since
  // The same start of another process: one of them runs with an old copy of the other's directory. The first one stays.
  if (c.boot == node.boot && c.mark != 0 && node.mark != 0 && c.mark != node.mark) return;
  auto now = node;
  if (c.traits || c.boot > node.boot) now.traits = c.traits;  // one without may come late, of before the version allowed it
  now.boot = c.boot;
  now.address = c.address;
  now.mark = c.mark;
  if (node != now) {
    node = now;
    save_nodes();
  }
  const attempt_failure failure{failure_cause::node_lost, "the node started anew while the attempt ran", ""};
  for (const auto& [task, attempt] : running_on(c.node))
    if (attempt.slot.boot < c.boot) on(finish_command{task, attempt.attempt, failure}, out);
}

void job_table::on(const version_command& c, apply_effects&) {
  if (c.version <= cluster_version_) return;
  cluster_version_ = c.version;
  store_.use_version(c.version);
  store_.save_value(version_name, std::to_string(c.version));
}

void job_table::on(const drain_command& c, apply_effects& out) {
  const auto known = nodes_.find(c.node);
  if (known == nodes_.end()) {
    out.reply = result<node_id>{unknown(c.node)};
    return;
  }
  auto& node = known->second;
  if (node.state == node_state::active) node.state = node_state::draining;
  node.hand_back_at = c.hand_back_at;
  save_nodes();
  note_hand_backs();
  hand_back_from_draining(out);
  out.reply = result<node_id>{c.node};
}

void job_table::on(const drained_command& c, apply_effects&) {
  const auto known = nodes_.find(c.node);
  if (known == nodes_.end() || known->second.state != node_state::draining || tasks_on(c.node) > 0) return;
  known->second.state = node_state::drained;
  known->second.hand_back_at.reset();
  save_nodes();
  note_hand_backs();
}

void job_table::on(const resume_command& c, apply_effects& out) {
  const auto known = nodes_.find(c.node);
  if (known == nodes_.end()) {
    out.reply = result<node_id>{unknown(c.node)};
    return;
  }
  known->second.state = node_state::active;
  known->second.hand_back_at.reset();
  save_nodes();
  note_hand_backs();
  out.reply = result<node_id>{c.node};
}

void job_table::on(const remove_command& c, apply_effects& out) {
  if (!nodes_.contains(c.node)) {
    if (removed_nodes_.contains(c.node))
      out.reply = result<node_id>{c.node};  // it came twice
    else
      out.reply = result<node_id>{unknown(c.node)};
    return;
  }
  nodes_.erase(c.node);
  note_hand_backs();
  removed_nodes_[c.node] = {log_time_, c.reason};
  save_nodes();
  save_removed_nodes();
  take_back(c.node, {failure_cause::node_lost, "the node was taken out of the cluster while the attempt ran", ""}, out);
  out.reply = result<node_id>{c.node};
}

void job_table::note_hand_backs() {
  first_hand_back_.reset();
  for (const auto& [id, node] : nodes_)
    if (node.hand_back_at && (!first_hand_back_ || *node.hand_back_at < *first_hand_back_)) first_hand_back_ = node.hand_back_at;
}

void job_table::hand_back_from_draining(apply_effects& out) {
  if (!first_hand_back_ || *first_hand_back_ > log_time_) return;
  for (auto& [id, node] : nodes_) {
    if (!node.hand_back_at || *node.hand_back_at > log_time_) continue;
    node.hand_back_at.reset();
    save_nodes();
    take_back(id, {failure_cause::handed_back, "its node is being drained and could not wait for it", ""}, out);
  }
  note_hand_backs();
}

/// What runs on a node stops there, and waits for another slot.
void job_table::take_back(node_id node, const attempt_failure& why, apply_effects& out) {
  for (const auto& [task, attempt] : running_on(node)) {
    out.revocations.push_back({attempt.slot, task, attempt.attempt});
    on(finish_command{task, attempt.attempt, why}, out);
  }
}

}  // namespace troupe::model
