#include "model/slot_support.hpp"

// Goal: a slot that stops neither spins nor takes work. Method: one machine, a clock that the test moves.
namespace troupe::model {
namespace {

using testing::a_task;
using testing::slot_under_test;

TEST_CASE("a slot that stops while its report is unanswered sleeps until the report is due again") {
  auto slot = slot_under_test::running();
  slot.stop(10s);
  slot.done(a_task());

  const auto out = slot.exited();

  CHECK(out.wake_at > slot.now);
}

}  // namespace
}  // namespace troupe::model
