#include "replica_support.hpp"

// Goal: what is done to jobs at the limit goes through the log, each step can be found again, and none outlives who decides.
// Method: one replica with its disk.
namespace troupe::replica {
namespace {

using namespace testing;
using model::measure;

struct at_the_limit : node_with_settings {
  using node_with_settings::node_with_settings;
  effects told(std::uint32_t level, measure background) {
    return node_with_settings::told(
        model::degrade_command{level, {background, measure::none, measure::none}, "background jobs would wait 70 s", 5min});
  }
};

const decision* decided(const effects& out) { return out.decisions.empty() ? nullptr : &out.decisions.back(); }

TEST_CASE("each step up and down is a decision with its reason; a confirmation is none") {
  at_the_limit node;
  const auto up = node.told(1, measure::later);
  REQUIRE(decided(up));
  CHECK(std::string_view{decided(up)->what} == "degradation_raised");
  CHECK(decided(up)->why == "level 1: background jobs wait longer; background jobs would wait 70 s");
  CHECK(decided(up)->is_alarming);
  CHECK_FALSE(decided(node.told(1, measure::later)));
  const auto down = node.told(0, measure::none);
  REQUIRE(decided(down));
  CHECK(std::string_view{decided(down)->what} == "degradation_lowered");
  CHECK_FALSE(decided(down)->is_alarming);
}

TEST_CASE("a level that nobody confirms ends in time, and that is a decision, too") {
  at_the_limit node;
  node.told(3, measure::refused);
  node.start();
  CHECK(node.replica->table().degradation().level == 3);
  const auto out = node.tick(5min + 1s);
  CHECK(node.replica->table().degradation().level == 0);
  REQUIRE(decided(out));
  CHECK(decided(out)->why == "level 0: all is as ever; no node has confirmed it");
}

TEST_CASE("nothing is done to jobs before all nodes of the cluster read that command") {
  at_the_limit node{{1, model::version_with_degradation - 1}};
  const auto out = node.told(1, measure::later);
  REQUIRE(out.answers.size() == 1);
  const auto& refused = std::get<result<model::pause_outcome>>(out.answers[0].reply);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(node.replica->table().degradation().level == 0);
}

}  // namespace
}  // namespace troupe::replica
