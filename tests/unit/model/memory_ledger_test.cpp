#include "model/memory_ledger.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <utility>

namespace troupe::model {
namespace {

using answer = memory_ledger::answer;
using slots = std::vector<std::uint16_t>;

struct ledger_of_ten : memory_ledger {
  ledger_of_ten() : memory_ledger(10_GiB) {
    for (std::uint16_t slot = 0; slot < 4; ++slot) begin_attempt(slot);
  }
  void end(std::uint16_t slot, bytes kept = {}, duration worth = {}) { end_attempt(slot, kept, worth); }
};

TEST_CASE("a claim within what is free is granted, one beyond it is told to give back and wait") {
  ledger_of_ten ledger;
  CHECK_EQ(ledger.claim(0, 6_GiB), answer::granted);
  CHECK_EQ(ledger.claim(1, 4_GiB), answer::granted);
  CHECK_EQ(ledger.claim(2, bytes{1}), answer::busy);
  CHECK_EQ(ledger.wait_for(2, 3_GiB), answer::waits);
  CHECK(ledger.take_news().granted.empty());
  ledger.end(1);
  CHECK_EQ(ledger.take_news().granted, slots{2});
  CHECK_EQ(ledger.now().held, 9_GiB);
}

TEST_CASE("a claim beyond the budget never comes true") {
  ledger_of_ten ledger;
  CHECK_EQ(ledger.claim(0, 10_GiB + bytes{1}), answer::never);
  CHECK_EQ(ledger.wait_for(0, 10_GiB + bytes{1}), answer::never);
  CHECK_EQ(ledger.claim(0, 10_GiB), answer::granted);
}

TEST_CASE("a second claim of an attempt stands for the first") {
  ledger_of_ten ledger;
  CHECK_EQ(ledger.claim(0, 3_GiB), answer::granted);
  CHECK_EQ(ledger.claim(0, 10_GiB), answer::granted);
  CHECK_EQ(ledger.claim(0, 1_GiB), answer::granted);
  CHECK_EQ(ledger.claim(1, 9_GiB), answer::granted);
}

TEST_CASE("small claims do not pass a large one that waits") {
  ledger_of_ten ledger;
  CHECK_EQ(ledger.claim(0, 6_GiB), answer::granted);
  CHECK_EQ(ledger.wait_for(1, 8_GiB), answer::waits);
  CHECK_EQ(ledger.claim(2, 1_GiB), answer::busy);
  CHECK_EQ(ledger.wait_for(2, 1_GiB), answer::waits);
  ledger.end(0);
  CHECK_EQ(ledger.take_news().granted, slots{1, 2});
}

TEST_CASE("two that want more than they have do not wait for each other") {
  ledger_of_ten ledger;
  CHECK_EQ(ledger.claim(0, 4_GiB), answer::granted);
  CHECK_EQ(ledger.claim(1, 4_GiB), answer::granted);
  CHECK_EQ(ledger.claim(0, 8_GiB), answer::busy);
  CHECK_EQ(ledger.claim(1, 8_GiB), answer::busy);
  CHECK_EQ(ledger.wait_for(0, 8_GiB), answer::waits);
  CHECK_EQ(ledger.wait_for(1, 8_GiB), answer::waits);
  CHECK_EQ(ledger.take_news().granted, slots{0});
  ledger.end(0);
  CHECK_EQ(ledger.take_news().granted, slots{1});
}

TEST_CASE("idle slots give up what is cheapest to make again, and no more than is needed") {
  ledger_of_ten ledger;
  ledger.end(0, 3_GiB, 9s);
  ledger.end(1, 3_GiB, 1s);
  ledger.end(2, 3_GiB, 5s);
  CHECK_EQ(ledger.claim(3, 4_GiB), answer::waits);
  CHECK_EQ(ledger.take_news().drop, slots{1});
  ledger.dropped(1);
  CHECK_EQ(ledger.take_news().granted, slots{3});
  CHECK_EQ(ledger.now().kept, 6_GiB);
}

TEST_CASE("what was given up lately makes old treasures cheaper") {
  ledger_of_ten ledger;
  ledger.end(0, 5_GiB, 2s);  // never used again
  ledger.end(1, 5_GiB, 1500ms);
  CHECK_EQ(ledger.claim(2, 5_GiB), answer::waits);
  CHECK_EQ(ledger.take_news().drop, slots{1});
  ledger.dropped(1);
  ledger.end(2, 5_GiB, 1500ms);  // used after slot 0, and so worth more by now
  CHECK_EQ(ledger.claim(3, 5_GiB), answer::waits);
  CHECK_EQ(ledger.take_news().drop, slots{0});
}

TEST_CASE("a slot that gets a task does not drop: another one is asked") {
  ledger_of_ten ledger;
  ledger.end(0, 5_GiB, 1s);
  ledger.end(1, 5_GiB, 2s);
  CHECK_EQ(ledger.claim(2, 5_GiB), answer::waits);
  CHECK_EQ(ledger.take_news().drop, slots{0});
  ledger.begin_attempt(0);
  CHECK_EQ(ledger.take_news().drop, slots{1});
  ledger.dropped(1);
  CHECK_EQ(ledger.take_news().granted, slots{2});
}

TEST_CASE("a worker that dies leaves the line, and what it had is free") {
  ledger_of_ten ledger;
  CHECK_EQ(ledger.claim(0, 6_GiB), answer::granted);
  CHECK_EQ(ledger.wait_for(1, 8_GiB), answer::waits);
  CHECK_EQ(ledger.wait_for(2, 6_GiB), answer::waits);
  ledger.gone(1);
  CHECK(ledger.take_news().granted.empty());
  ledger.gone(0);
  CHECK_EQ(ledger.take_news().granted, slots{2});
  CHECK_EQ(ledger.held_by(0), bytes{});
}

/// Slots that work as workers do: claim to load, claim in all, give back and wait when told so, keep something, die.
class many_stages {
 public:
  explicit many_stages(std::uint64_t seed) : chance_(seed), slots_(1 + chance_() % 16) {}

  void run(std::size_t stages) {
    wanted_ = stages;
    for (std::size_t steps = 0; ended_ < wanted_; ++steps) {
      REQUIRE(steps < 100 * wanted_ + 1000);  // else they wait for each other
      act(static_cast<std::uint16_t>(chance_() % slots_.size()));
      hear();
      REQUIRE(ledger_.now().held + ledger_.now().kept <= budget);
    }
    CHECK_LE(ledger_.now().held_most, budget);
  }
  std::size_t refused = 0, waited = 0, died = 0, dropped = 0;

 private:
  enum class phase : std::uint8_t { idle, begun, waiting_to_load, waiting, working };
  struct slot_state {
    phase where = phase::idle;
    bytes need;
    bool is_to_drop = false;
  };
  static constexpr bytes budget{1000};

  void act(std::uint16_t slot) {
    auto& own = slots_[slot];
    if ((own.where == phase::begun || own.where == phase::working) && chance_() % 50 == 0) {
      ledger_.gone(slot);
      own = {};
      return ++died, void();
    }
    switch (own.where) {
      case phase::idle:
        if (std::exchange(own.is_to_drop, false)) return ++dropped, ledger_.dropped(slot);
        ledger_.begin_attempt(slot);
        return begin(own);
      case phase::begun: return ask(slot, own);
      case phase::waiting_to_load:
      case phase::waiting: return;
      case phase::working: {
        ++ended_;
        const bytes kept{own.need.count() * (chance_() % 3) / 4};  // one after the other: compilers choose the order of arguments
        ledger_.end_attempt(slot, kept, duration{chance_() % 5000});
        own = {};
      }
    }
  }
  void begin(slot_state& own) {
    const auto most = chance_() % 20 == 0 ? 1200 : 400;
    own = {phase::begun, bytes{1 + chance_() % most}};
  }
  void ask(std::uint16_t slot, slot_state& own) {
    if (chance_() % 2 == 0) {  // to load
      const auto loading = ledger_.claim(slot, bytes{own.need.count() / 4});
      if (loading == answer::busy) return wait(slot, own);
      if (loading == answer::waits) return own.where = phase::waiting_to_load, void();
    }
    switch (ledger_.claim(slot, own.need)) {
      case answer::granted: own.where = phase::working; break;
      case answer::waits: own.where = phase::waiting; break;
      case answer::busy: return wait(slot, own);
      case answer::never:
        ++refused, ++ended_;
        REQUIRE_GT(own.need, budget);
        ledger_.end_attempt(slot, {}, {});
        own = {};
    }
  }
  void wait(std::uint16_t slot, slot_state& own) {
    ++waited;
    const auto now = ledger_.wait_for(slot, own.need);
    own.where = now == answer::granted ? phase::working : phase::waiting;
    if (now != answer::never) return;
    ++refused, ++ended_;
    ledger_.end_attempt(slot, {}, {});
    own = {};
  }
  void hear() {
    const auto news = ledger_.take_news();
    for (const auto slot : news.granted) {
      auto& where = slots_[slot].where;
      REQUIRE((where == phase::waiting || where == phase::waiting_to_load));
      where = where == phase::waiting ? phase::working : phase::begun;
    }
    for (const auto slot : news.drop) slots_[slot].is_to_drop = slots_[slot].where == phase::idle;
  }

  std::mt19937_64 chance_;
  std::vector<slot_state> slots_;
  memory_ledger ledger_{budget};
  std::size_t wanted_ = 0, ended_ = 0;
};

TEST_CASE("10,000 stages on tight budgets: never more than there is, none waits for ever") {
  std::size_t refused = 0, waited = 0, died = 0, dropped = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    many_stages stages(seed);
    stages.run(200);
    refused += stages.refused, waited += stages.waited, died += stages.died, dropped += stages.dropped;
  }
  CHECK_GT(refused, 0);
  CHECK_GT(waited, 100);
  CHECK_GT(died, 100);
  CHECK_GT(dropped, 100);
}

}  // namespace
}  // namespace troupe::model
