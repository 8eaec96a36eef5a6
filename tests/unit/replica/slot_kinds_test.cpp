#include "replica_support.hpp"
#include "unit/model/table_support.hpp"

// Goal: networks get to devices, all else to processors, on nodes that have both. Method: a leader with slots of both kinds.
namespace troupe::replica {
namespace {

using namespace testing;
using model::slot_kind;

constexpr std::string_view networked = R"(
name: networked
inputs: {image: {type: image, required: true}}
stages:
  only:
    kind: model.filter
    params: {image: "${inputs.image}"}
result: {image: "${stages.only.image}"}
)";

struct two_kinds : node_under_test {
  two_kinds() {
    start();
    tick();  // the cluster's version rises
    REQUIRE(replica->table().cluster_version() >= model::version_with_preference);
  }
  model::job_id submitted_network() {
    const auto p = model::parse_pipeline(networked, "test.yaml", model::pipeline_origin::installed).value();
    auto what = a_submit();
    what.command.pipeline_name = p.name;
    what.command.pipeline_hash = p.hash;
    what.command.pipeline_text = store_text(p);
    what.command.inputs =
        model::packed_object{model::json::object{{"image", model::json::object{{"artifact", std::string(64, 'a')}}}}};
    REQUIRE(step({what}).answers.size() == 1);
    return what.command.id;
  }
  [[nodiscard]] event::asked asks(std::uint16_t index, slot_kind kind) const {
    auto ask = an_ask(1, index);
    ask.ask.kind = kind;
    if (kind == slot_kind::device) ask.ask.offer.labels = {"gpu"};
    return ask;
  }
  [[nodiscard]] std::map<std::uint16_t, model::job_id> running() const {
    std::map<std::uint16_t, model::job_id> jobs;
    for (const auto& [task, attempt] : replica->table().running()) jobs.emplace(attempt.slot.index, task.job);
    return jobs;
  }
};

TEST_CASE("each kind of slot gets what it is for, whatever comes first") {
  two_kinds node;
  const auto plain = node.submitted(), network = node.submitted_network();
  node.step({node.asks(0, slot_kind::device), node.asks(1, slot_kind::processor)});
  CHECK(node.running() == std::map<std::uint16_t, model::job_id>{{0, network}, {1, plain}});
}

TEST_CASE("a slot waits when only the other kind of work is there") {
  two_kinds node;
  const auto plain = node.submitted();
  node.step({node.asks(0, slot_kind::device)});
  CHECK(node.running().empty());
  node.step({node.asks(1, slot_kind::processor)});
  CHECK(node.running() == std::map<std::uint16_t, model::job_id>{{1, plain}});
  const auto network = node.submitted_network();
  CHECK(node.running() == std::map<std::uint16_t, model::job_id>{{0, network}, {1, plain}});
}

TEST_CASE("a processor takes networks once it says that it is for anything") {
  two_kinds node;
  const auto network = node.submitted_network();
  node.step({node.asks(0, slot_kind::processor)});
  CHECK(node.running().empty());
  node.step({node.asks(0, slot_kind::any)});  // the same ask, said again
  CHECK(node.running() == std::map<std::uint16_t, model::job_id>{{0, network}});
}

TEST_CASE("nobody gets the same task twice in one step") {
  two_kinds node;
  std::vector<event::any> asks;
  for (std::uint16_t index = 0; index < 4; ++index)
    asks.push_back(node.asks(index, index < 2 ? slot_kind::device : slot_kind::any));
  for (int i = 0; i < 4; ++i) node.submitted_network();
  node.step(asks);
  node.tick();
  CHECK(node.running().size() == 4);
}

}  // namespace
}  // namespace troupe::replica
