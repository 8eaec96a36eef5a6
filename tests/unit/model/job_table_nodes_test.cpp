#include "model/table_support.hpp"

// Goal: which nodes belong to the cluster, which of them get work, and what becomes of what they run. Method: commands by hand.
namespace troupe::model {
namespace {

using namespace testing;
using node_state = job_table::node_state;

constexpr node_id other_node{9};
constexpr slot_id elsewhere{other_node, incarnation{1}, 0};

struct with_nodes : table_under_test {
  with_nodes() {
    apply(boot_command{some_node, incarnation{1}, "a:1", 77});
    apply(boot_command{other_node, incarnation{1}, "b:1", 88});
  }
  node_state state_of(node_id node) const { return table->nodes().at(node).state; }
};

result<node_id> reply(const apply_effects& out) { return std::get<result<node_id>>(out.reply); }

TEST_CASE("a draining node gets no task, keeps what it runs, and is drained when it runs nothing") {
  with_nodes jobs;
  jobs.submitted();
  jobs.submitted();
  const auto running = jobs.started(slot_a);
  CHECK(reply(jobs.apply(drain_command{some_node, std::nullopt})).value() == some_node);
  CHECK(jobs.assign(slot_b).grants.empty());
  jobs.apply(drained_command{some_node});
  CHECK(jobs.state_of(some_node) == node_state::draining);
  CHECK(jobs.table->running().contains(running.task));
  CHECK(jobs.assign(elsewhere).grants.size() == 1);

  jobs.finish(running);
  jobs.apply(drained_command{some_node});
  CHECK(jobs.state_of(some_node) == node_state::drained);
  jobs.restart();
  CHECK(jobs.state_of(some_node) == node_state::drained);
}

TEST_CASE("what runs is counted by node, and what ends is told, however it ends") {
  with_nodes jobs;
  for (int i = 0; i < 4; ++i) jobs.submitted();
  const auto here = jobs.started(slot_a), also_here = jobs.started(slot_b), there = jobs.started(elsewhere);
  CHECK(jobs.table->tasks_on(some_node) == 2);
  REQUIRE(jobs.table->running_on(other_node).size() == 1);
  CHECK(jobs.table->running_on(other_node).front().first == there.task);
  jobs.restart();
  CHECK(jobs.table->tasks_on(some_node) == 2);

  const auto ended_by = [](const apply_effects& out) { return out.ended.size() == 1 ? out.ended.front().task : task_id{}; };
  CHECK(ended_by(jobs.finish(here)) == here.task);
  CHECK(ended_by(jobs.apply(cancel_command{"tenant", also_here.task.job, ""})) == also_here.task);
  const auto lost = jobs.apply(boot_command{other_node, incarnation{2}, "b:1", 89});
  CHECK(ended_by(lost) == there.task);
  CHECK(lost.ended.front().slot == elsewhere);
  CHECK(jobs.table->tasks_on(some_node) == 0);
  CHECK(jobs.table->tasks_on(other_node) == 0);
}

TEST_CASE("a job that waits says which labels nobody has, and that nobody works, as far as nodes have said what they are") {
  constexpr std::string_view needs_a_gpu = R"(
name: labelled
stages:
  make: {kind: exec, program: {command: [tool], outputs: {value: text}}, requires: {labels: [big, gpu]}}
result: {value: "${stages.make.value}"}
)";
  with_nodes jobs;
  const auto anything = jobs.submitted(), labelled = jobs.submitted(needs_a_gpu);
  const auto reason = [&](job_id job) { return jobs.view(job).stages.front().reason; };
  const auto say = [&](node_id node, std::uint64_t boot, std::vector<std::string> labels) {
    jobs.apply(
        boot_command{node, incarnation{boot}, "", boot, node_traits{"", own_versions, "", true, true, 1, std::move(labels)}});
  };
  CHECK(reason(anything) == "waits for a free slot");
  CHECK(reason(labelled) == "waits for a free slot with the labels big, gpu");  // nobody has said that it lacks them
  say(some_node, 2, {"gpu"});
  say(other_node, 2, {"big", "cpu", "gpu"});
  CHECK(reason(labelled) == "waits for a free slot with the labels big, gpu");
  jobs.apply(drain_command{other_node, std::nullopt});
  CHECK(reason(labelled) == "no node that takes work has slots with the labels big, gpu");
  CHECK(reason(anything) == "waits for a free slot");
  jobs.apply(drain_command{some_node, std::nullopt});
  CHECK(reason(anything) == "no node takes work: each one is drained, or only stores");
}

TEST_CASE("a drained node stays so when it starts anew, until it is told to work again") {
  with_nodes jobs;
  jobs.submitted();
  jobs.apply(drain_command{some_node, std::nullopt});
  jobs.apply(drained_command{some_node});
  jobs.apply(boot_command{some_node, incarnation{2}, "a:1", 78});
  const slot_id anew{some_node, incarnation{2}, 0};
  CHECK(jobs.assign(anew).grants.empty());
  CHECK(reply(jobs.apply(resume_command{some_node})).has_value());
  CHECK(jobs.assign(anew).grants.size() == 1);
}

TEST_CASE("what still runs when a drain's time is over is run elsewhere at no cost") {
  with_nodes jobs;
  const auto id = jobs.submitted();
  auto task = jobs.started(slot_a);
  for (int time = 0; time < 30; ++time) {  // more often than a node may be lost
    jobs.apply(drain_command{some_node, jobs.now + 10s});
    CHECK(jobs.table->next_due() == jobs.now + 10s);
    CHECK(jobs.tick(10s - 1ms).revocations.empty());
    const auto out = jobs.tick(1ms);
    REQUIRE(out.revocations.size() == 1);
    CHECK(out.revocations[0].slot == slot_a);
    CHECK(jobs.table->queue().contains(task.task));
    CHECK_FALSE(jobs.table->next_due().has_value());
    jobs.apply(resume_command{some_node});
    task = jobs.started(slot_a);
  }
  jobs.finish(task);
  CHECK(jobs.state(id) == job_state::succeeded);
}

TEST_CASE("a node that was taken out is not known any more, and does not come back") {
  with_nodes jobs;
  jobs.submitted();
  const auto running = jobs.started(slot_a);
  const auto out = jobs.apply(remove_command{some_node, "by an operator"});
  CHECK(reply(out).value() == some_node);
  CHECK(out.revocations.size() == 1);
  CHECK(jobs.table->queue().contains(running.task));
  CHECK_FALSE(jobs.table->nodes().contains(some_node));
  CHECK(jobs.table->removed_nodes().at(some_node).reason == "by an operator");
  jobs.apply(boot_command{some_node, incarnation{2}, "a:1", 79});
  jobs.restart();
  CHECK_FALSE(jobs.table->nodes().contains(some_node));
  CHECK(jobs.table->removed_nodes().at(some_node).reason == "by an operator");
  CHECK(jobs.assign(slot_a).grants.empty());
  CHECK(reply(jobs.apply(remove_command{some_node, "again"})).has_value());
}

TEST_CASE("of two starts with one number the first counts") {
  with_nodes jobs;
  jobs.apply(boot_command{some_node, incarnation{1}, "copy:1", 99});
  CHECK(jobs.table->nodes().at(some_node).address == "a:1");
  CHECK(jobs.table->nodes().at(some_node).mark == 77);
  jobs.apply(boot_command{some_node, incarnation{2}, "a:2", 99});
  jobs.restart();
  CHECK(jobs.table->nodes().at(some_node).address == "a:2");
  CHECK(jobs.table->nodes().at(some_node).mark == 99);
}

TEST_CASE("a node that nobody knows can be neither drained nor taken out") {
  with_nodes jobs;
  const node_id nobody{5};
  CHECK(reply(jobs.apply(drain_command{nobody, std::nullopt})).error().code == errc::not_found);
  CHECK(reply(jobs.apply(resume_command{nobody})).error().code == errc::not_found);
  CHECK(reply(jobs.apply(remove_command{nobody, ""})).error().code == errc::not_found);
}

TEST_CASE("a drain that comes again after the resume changes nothing") {
  with_nodes jobs;
  const auto change = [&](command what, std::uint64_t token) {
    return reply(jobs.table->apply({jobs.now, std::move(what), command_origin{other_node, incarnation{1}, token}}, ++jobs.index));
  };
  CHECK(change(drain_command{some_node, std::nullopt}, 5).has_value());
  CHECK(change(resume_command{some_node}, 7).has_value());
  CHECK(change(drain_command{some_node, std::nullopt}, 5).error().code == errc::conflict);
  CHECK(change(resume_command{some_node}, 7).has_value());  // its answer may have been lost
  CHECK(jobs.state_of(some_node) == node_state::active);
  jobs.restart();
  CHECK(change(drain_command{some_node, std::nullopt}, 6).error().code == errc::conflict);
  CHECK(change(drain_command{some_node, std::nullopt}, 8).has_value());
  CHECK(jobs.state_of(some_node) == node_state::draining);
}

TEST_CASE("nodes of a state from before there were drains are active") {
  with_nodes jobs;
  jobs.store->save_value("nodes", R"({"1":{"boot":4,"address":"a:1"}})");
  jobs.restart();
  CHECK(jobs.state_of(some_node) == node_state::active);
  CHECK(jobs.table->nodes().at(some_node).boot == incarnation{4});
}

}  // namespace
}  // namespace troupe::model
