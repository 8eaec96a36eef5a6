#include "model/table_support.hpp"

// Goal: what one owner of the pool keeps, the next one gets, and nobody of a term that is over changes it. Method: commands by
// hand; a restart, after which all comes from the store.
namespace troupe::model {
namespace {

using namespace testing;

struct owned : table_under_test {
  result<pause_outcome> keep(std::uint64_t term, std::optional<std::string> memory) {
    return std::get<result<pause_outcome>>(apply(scaling_command{term, std::move(memory)}).reply);
  }
};

TEST_CASE("who takes over gets what was kept, and it survives a restart") {
  owned pool;
  CHECK(pool.table->scaling_memory().empty());
  CHECK(pool.keep(2, std::nullopt)->changed);
  CHECK(pool.keep(2, "two steps")->changed);
  CHECK_FALSE(pool.keep(2, "two steps")->changed);
  pool.restart();
  CHECK(pool.keep(5, std::nullopt)->changed);
  CHECK(pool.table->scaling_memory() == "two steps");
}

TEST_CASE("an owner whose term is over keeps nothing any more, also after a restart") {
  owned pool;
  REQUIRE(pool.keep(2, "two steps").has_value());
  REQUIRE(pool.keep(3, std::nullopt).has_value());
  for (int i = 0; i < 2; ++i) {
    const auto late = pool.keep(2, "three steps");
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == errc::conflict);
    CHECK(late.error().detail == "term 2 is over: who leads in term 3 decides how many nodes there are");
    CHECK(pool.table->scaling_memory() == "two steps");
    pool.restart();
  }
}

}  // namespace
}  // namespace troupe::model
