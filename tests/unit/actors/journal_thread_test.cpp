#include "actors/journal_thread.hpp"
#include "actors/internal.hpp"
#include "actors/node.hpp"
#include "support/wait.hpp"

#include <doctest/doctest.h>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>

#include <future>
#include <memory>
#include <thread>
#include <utility>

// Goal: whoever writes, everything that was handed over is written once, in order, and told to its owner.
using namespace troupe;
using test::wait;
using namespace std::chrono_literals;

namespace {

/// Notes which thread wrote which batches.
class noting_storage final : public replica::storage {
 public:
  struct call {
    std::thread::id thread;
    std::vector<std::uint64_t> numbers;
  };
  result<replica::recovered_shard> load(replica::shard_no) override { return replica::recovered_shard{}; }
  result<void> write(std::span<const replica::persist_batch> batches) override {
    call made{std::this_thread::get_id(), {}};
    for (const auto& batch : batches) made.numbers.push_back(batch.number);
    calls.push_back(std::move(made));
    if (const auto hook = std::exchange(during_write, nullptr)) hook();
    if (fails) return error{errc::io_failed, "no disk"};
    return {};
  }
  const replica::state_reader& state_of(replica::shard_no) override { std::terminate(); }
  result<std::unique_ptr<replica::state_image>> read_image(replica::shard_no) override { std::terminate(); }
  result<std::unique_ptr<replica::image_sink>> begin_image(replica::shard_no) override { std::terminate(); }

  std::vector<call> calls;  // of the one who writes; looked at when nobody does
  std::function<void()> during_write;
  bool fails = false;
};

std::vector<replica::persist_batch> batch(std::uint64_t number, bool sync = true) {
  std::vector<replica::persist_batch> made(1);
  made[0].number = number;
  made[0].sync = sync;
  return made;
}

/// Hands the batch whose number it gets over to the journal; says which number was written.
caf::behavior owner(caf::event_based_actor* self, actors::journal_thread* journal, std::uint64_t last, std::promise<void>* done) {
  return {[=](std::uint64_t number) { journal->write(batch(number), self->ctrl()); },
          [=](const actors::batches_written& written) {
            if (written.number == last) done->set_value();
          }};
}

struct stage {
  stage() { actors::register_messages(); }
  caf::actor_system_config config;
  caf::actor_system system{config};
  noting_storage storage;
  actors::actor_roll roll;
  std::promise<std::string> fatal;
  bool may_sleep = true;
  std::optional<actors::journal_thread> journal{std::in_place, system, roll, storage,
                                                [this](const error& why) { fatal.set_value(to_string(why)); }};
  actors::lent_thread thread{system, [] {}, {[this] { return may_sleep; }, [](const auto& errand) { errand(); }}};

  caf::strong_actor_ptr owner_of(std::uint64_t last, std::promise<void>& done) {
    return caf::actor_cast<caf::strong_actor_ptr>(system.spawn<caf::lazy_init>(owner, &*journal, last, &done));
  }
  /// Of the batches 1 and 2 together, by the thread that calls.
  void check_one_write_here() const {
    REQUIRE(storage.calls.size() == 1);
    CHECK(storage.calls[0].thread == std::this_thread::get_id());
    CHECK(storage.calls[0].numbers == std::vector<std::uint64_t>{1, 2});
  }
  void hand_over(const caf::strong_actor_ptr& from, std::uint64_t number) {
    thread.send(from, caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, number));
  }
};

}  // namespace

TEST_CASE("an idle journal is written by the lent thread that its owner runs on") {
  stage on;
  std::promise<void> done;
  const auto owner = on.owner_of(2, done);
  on.hand_over(owner, 1);
  on.hand_over(owner, 2);
  on.thread.run();
  wait(done);
  on.check_one_write_here();
}

TEST_CASE("a lent thread that may not sleep leaves the journal to its own thread") {
  stage on;
  on.may_sleep = false;
  std::promise<void> done;
  on.hand_over(on.owner_of(1, done), 1);
  on.thread.run();
  wait(done);
  REQUIRE(on.storage.calls.size() == 1);
  CHECK(on.storage.calls[0].thread != std::this_thread::get_id());
}

TEST_CASE("what comes while a lent thread writes is written by the journal's own") {
  stage on;
  std::promise<void> early, late;
  const auto second = on.owner_of(2, late);
  on.storage.during_write = [&] { on.journal->write(batch(2), second); };
  on.hand_over(on.owner_of(1, early), 1);
  on.thread.run();
  wait(early);
  wait(late);
  REQUIRE(on.storage.calls.size() == 2);
  CHECK(on.storage.calls[0].thread == std::this_thread::get_id());
  CHECK(on.storage.calls[1].thread != std::this_thread::get_id());
  CHECK(on.storage.calls[1].numbers == std::vector<std::uint64_t>{2});
}

TEST_CASE("what need not be synced holds up nobody that must") {
  stage on;
  std::promise<void> synced, done;
  const auto first = on.owner_of(2, synced);
  const auto second = on.owner_of(3, done);
  on.storage.during_write = [&] {  // while batch 1 is written
    on.journal->write(batch(2), first);
    on.journal->write(batch(3, false), second);
  };
  on.journal->write(batch(1), first);
  wait(synced);
  wait(done);
  on.journal.reset();
  REQUIRE(on.storage.calls.size() == 3);
  CHECK(on.storage.calls[1].numbers == std::vector<std::uint64_t>{2});
  CHECK(on.storage.calls[2].numbers == std::vector<std::uint64_t>{3});
}

TEST_CASE("what need not be synced goes with a later one that must, and alone if there is none") {
  stage on;
  std::promise<void> later, last;
  const auto first = on.owner_of(3, later);
  const auto second = on.owner_of(4, last);
  on.storage.during_write = [&] {  // while batch 1 is written
    on.journal->write(batch(2, false), first);
    on.journal->write(batch(3), first);
  };
  on.journal->write(batch(1, false), first);
  wait(later);
  on.journal->write(batch(4, false), second);
  wait(last);
  on.journal.reset();
  REQUIRE(on.storage.calls.size() == 3);
  CHECK(on.storage.calls[1].numbers == std::vector<std::uint64_t>{2, 3});
  CHECK(on.storage.calls[2].numbers == std::vector<std::uint64_t>{4});
}

TEST_CASE("a write that fails is the last one, whoever tried it") {
  for (const bool on_lent_thread : {true, false}) {
    stage on;
    on.may_sleep = on_lent_thread;
    on.storage.fails = true;
    std::promise<void> never;
    const auto owner = on.owner_of(1, never);
    on.hand_over(owner, 1);
    on.thread.run();
    CHECK(wait(on.fatal) == "io_failed: no disk");
    on.journal->write(batch(2), owner);
    on.may_sleep = true;
    on.hand_over(owner, 3);
    on.thread.run();
    on.journal.reset();
    CHECK(on.storage.calls.size() == 1);
    CHECK(never.get_future().wait_for(0s) == std::future_status::timeout);
  }
}

TEST_CASE("what was handed over before the end is written") {
  stage on;
  std::promise<void> done;
  const auto owner = on.owner_of(3, done);
  for (std::uint64_t number = 1; number <= 3; ++number) on.journal->write(batch(number), owner);
  on.journal.reset();
  std::vector<std::uint64_t> written;
  for (const auto& call : on.storage.calls) written.insert(written.end(), call.numbers.begin(), call.numbers.end());
  CHECK(written == std::vector<std::uint64_t>{1, 2, 3});
  wait(done);
}

TEST_CASE("the end waits for a lent thread that still writes") {
  stage on;
  std::promise<void> done, writes, goes_on;
  const auto owner = on.owner_of(1, done);
  on.storage.during_write = [&] {
    writes.set_value();
    CHECK(goes_on.get_future().wait_for(20s) == std::future_status::ready);
  };
  std::thread lent{[&] {
    on.hand_over(owner, 1);
    on.thread.run();
  }};
  wait(writes);
  auto end = std::async(std::launch::async, [&] { on.journal.reset(); });
  CHECK(end.wait_for(50ms) == std::future_status::timeout);
  goes_on.set_value();
  REQUIRE(end.wait_for(20s) == std::future_status::ready);
  lent.join();
  wait(done);
  CHECK(on.storage.calls.size() == 1);
}
