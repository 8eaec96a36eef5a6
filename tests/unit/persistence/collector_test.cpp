#include "persistence/artifacts/collector.hpp"

#include "support/disk/print.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using artifacts::collector;

namespace {

/// A store whose time stands still unless a test moves it, with its collector.
struct kept {
  explicit kept(const artifacts::collector_options& options = {.grace = 1h, .grace_least = 10min})
      : keeper(*store, options, [this] { return free; }) {}

  digest put(std::string_view content) {
    auto writer = store->begin().value();
    writer->write(content).value();
    return writer->commit("text/plain").value().hash;
  }
  [[nodiscard]] bool has(const digest& hash) const { return store->stat(hash).has_value(); }
  /// A round that knows of these references.
  result<bool> run(const std::set<digest>& referred = {}, bool may_remove = true) {
    collector::round how{.as_of = now, .may_remove = may_remove};
    how.gather = [&](artifacts::reference_slice& into) -> result<void> {
      for (const auto& hash : referred) into.add(hash, true);
      return {};
    };
    how.on_lasting = [this](std::span<const digest> some) {
      seen.insert(some.begin(), some.end());
      return true;
    };
    return keeper.run(how);
  }

  temporary_directory home;
  timestamp now = from_unix_ms(1'800'000'000'000);
  bytes free = 100_GiB;
  std::unique_ptr<artifacts::store> store =
      artifacts::make_artifact_store(home.path() / "artifacts", {}, [this] { return now; }).value();
  collector keeper;
  std::set<digest> seen;
};

}  // namespace

TEST_CASE("what nobody refers to goes after the grace, and not before") {
  kept at;
  const auto old = at.put("old"), needed = at.put("needed");
  at.now += 1h - 1ms;
  const auto fresh = at.put("fresh");
  REQUIRE(at.run({needed}).value());
  CHECK(at.has(old));
  at.now += 1ms;
  REQUIRE(at.run({needed}).value());

  CHECK_FALSE(at.has(old));
  CHECK(at.has(needed));
  CHECK(at.has(fresh));
  CHECK(at.keeper.figures().collected == 1);
  CHECK(at.keeper.figures().freed == bytes{3});
  CHECK(at.keeper.figures().artifacts == 2);
  CHECK(at.keeper.figures().size == bytes{11});
}

TEST_CASE("to put an artifact again, or to touch it, makes it young") {
  kept at;
  const auto again = at.put("again"), touched = at.put("touched"), left = at.put("left");
  at.now += 50min;
  at.put("again");
  CHECK(at.store->touch(touched).value().untouched_for == 50min);
  CHECK(at.store->touch(touched).value().untouched_for == 0ms);
  at.now += 50min;
  REQUIRE(at.run().value());

  CHECK(at.has(again));
  CHECK(at.has(touched));
  CHECK_FALSE(at.has(left));
  CHECK(at.store->touch(left).error().code == errc::not_found);
}

TEST_CASE("a touch between the look at an artifact and its removal saves it") {
  kept at;
  const auto touched = at.put("one"), left = at.put("two");
  at.now += 20min;
  collector::round how{.as_of = at.now, .may_remove = true};
  how.gather = [](artifacts::reference_slice&) { return result<void>{}; };
  int asked = 0;
  collector early{*at.store, {.grace = 1h, .grace_least = 10min, .room = 1_GiB}, [&] {
                    if (++asked == 2) at.store->touch(touched).value();  // everything has been looked at, nothing is removed yet
                    return 0_MiB;
                  }};
  REQUIRE(early.run(how).value());
  CHECK(at.has(touched));
  CHECK_FALSE(at.has(left));
}

TEST_CASE("an artifact that is touched after it was seen is not removed") {
  kept at;
  const auto hash = at.put("one");
  at.now += 2h;
  std::optional<artifacts::stored_artifact> seen;
  for (unsigned part = 0; part < artifacts::store::parts; ++part)
    at.store
        ->walk(part,
               [&](const auto& each) {
                 seen = each;
                 return true;
               })
        .value();
  REQUIRE(seen);
  at.store->touch(hash).value();
  CHECK_FALSE(at.store->remove(hash, seen->touched).value());
  CHECK(at.has(hash));
  CHECK(at.store->remove(hash, at.now).value());
  CHECK_FALSE(at.has(hash));
  CHECK_FALSE(at.store->remove(hash, at.now).value());
}

TEST_CASE(
    "what is to have copies is seen in order, once a pass, however often a round is ended before all were, and collecting goes "
    "on") {
  kept at;
  std::set<digest> needed;
  for (int i = 0; i < 150; ++i) needed.insert(at.put("needed " + std::to_string(i)));
  const auto old = at.put("old");
  at.now += 1h;
  std::vector<digest> seen;
  std::size_t most = 0;
  const auto run = [&] {
    most = seen.size() + 70;  // some parts of the store have several
    collector::round how{.as_of = at.now, .may_remove = true};
    how.gather = [&](artifacts::reference_slice& into) -> result<void> {
      for (const auto& hash : needed) into.add(hash, true);
      return {};
    };
    how.on_lasting = [&](std::span<const digest> some) {
      if (seen.size() + some.size() > most) return false;
      seen.insert(seen.end(), some.begin(), some.end());
      return true;
    };
    return at.keeper.run(how).value();
  };
  CHECK_FALSE(run());
  CHECK_FALSE(at.has(old));
  CHECK_FALSE(run());
  CHECK(run());
  CHECK(std::ranges::equal(seen, needed));

  seen.clear();
  CHECK_FALSE(run());
  const auto first = seen;
  at.keeper.begin_anew();
  CHECK_FALSE(run());
  CHECK(std::ranges::equal(first, std::span{seen}.subspan(first.size(), first.size())));
}

TEST_CASE("nothing goes while it is not sure that all references are known") {
  kept at;
  const auto hash = at.put("one");
  at.now += 2h;
  SUBCASE("the round only looks") { CHECK(at.run({}, false).value()); }
  SUBCASE("the references cannot be read") {
    collector::round how{.as_of = at.now, .may_remove = true};
    how.gather = [](artifacts::reference_slice&) -> result<void> { return error{errc::io_failed, "cannot read"}; };
    CHECK(at.keeper.run(how).error().code == errc::io_failed);
  }
  CHECK(at.has(hash));
}

TEST_CASE("what is younger than half a minute stays whatever the grace is") {
  kept at{{.grace = 0ms, .grace_least = 0ms}};
  const auto hash = at.put("one");
  at.now += artifacts::age_least - 1ms;
  REQUIRE(at.run().value());
  CHECK(at.has(hash));
  at.now += 1ms;
  REQUIRE(at.run().value());
  CHECK_FALSE(at.has(hash));
}

TEST_CASE("on a disk that is short of room the oldest go early, until there is room") {
  kept at{{.grace = 1h, .grace_least = 10min, .room = 1_GiB}};
  const auto oldest = at.put("oldest");
  at.now += 1min;
  const auto needed = at.put("needed");
  at.now += 1min;
  const auto middle = at.put("middle");
  at.now += 11min;
  const auto young = at.put("young");
  at.now += 1min;
  collector::round how{.as_of = at.now, .may_remove = true};
  how.gather = [&](artifacts::reference_slice& into) {
    into.add(needed, true);
    return result<void>{};
  };
  SUBCASE("there is room after the first") {
    collector tight{
        *at.store, {.grace = 1h, .grace_least = 10min, .room = 1_GiB}, [&] { return at.has(oldest) ? 0_MiB : 2_GiB; }};
    REQUIRE(tight.run(how).value());
    CHECK_FALSE(at.has(oldest));
    CHECK(at.has(middle));
  }
  SUBCASE("there is never room") {
    at.free = 0_MiB;
    REQUIRE(at.keeper.run(how).value());
    CHECK_FALSE(at.has(oldest));
    CHECK_FALSE(at.has(middle));
  }
  SUBCASE("there is room") {
    REQUIRE(at.keeper.run(how).value());
    CHECK(at.has(oldest));
  }
  CHECK(at.has(needed));
  CHECK(at.has(young));
}

TEST_CASE("a round removes no more than it may, the oldest first, and the next one goes on") {
  kept at{{.grace = 1h, .removals_most = 3}};
  std::vector<digest> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(at.put("artifact " + std::to_string(i)));
    at.now += 1ms;
  }
  at.now += 2h;
  for (const std::size_t left : {7u, 4u, 1u, 0u}) {
    REQUIRE(at.run().value());
    CHECK(static_cast<std::size_t>(std::ranges::count_if(all, [&](const auto& hash) { return at.has(hash); })) == left);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(at.has(all[i]) == (i >= all.size() - left));
  }
}

TEST_CASE("more references than fit into memory take several rounds, and none of them is missed") {
  kept at{{.grace = 1h, .references_most = 16}};
  std::set<digest> needed, others;
  for (int i = 0; i < 100; ++i) {
    needed.insert(at.put("needed " + std::to_string(i)));
    others.insert(at.put("other " + std::to_string(i)));
  }
  at.now += 2h;
  int rounds = 1;
  while (!at.run(needed).value()) REQUIRE(++rounds < 100);

  CHECK(rounds > 3);
  CHECK(std::ranges::all_of(needed, [&](const auto& hash) { return at.has(hash); }));
  CHECK(std::ranges::none_of(others, [&](const auto& hash) { return at.has(hash); }));
  CHECK(at.seen == needed);
  CHECK(at.keeper.figures().artifacts == 100);
  CHECK(at.keeper.figures().passes == 1);
}

// Goal: whoever is told that an artifact is stored, or has touched it, finds it, whatever is collected at the same time.
TEST_CASE("what is put while everything old is being removed is there afterwards") {
  const temporary_directory home;
  std::atomic<std::int64_t> now = 1'800'000'000'000;
  const auto store = artifacts::make_artifact_store(home.path() / "artifacts", {}, [&] { return from_unix_ms(now); }).value();
  std::atomic<bool> is_over = false;
  std::thread collecting{[&] {
    collector keeper{*store, {.grace = 1min}, [] { return 100_GiB; }};
    while (!is_over) {
      collector::round how{.as_of = from_unix_ms(now), .may_remove = true};
      how.gather = [](artifacts::reference_slice&) { return result<void>{}; };
      keeper.run(how).value();
    }
  }};
  int lost = 0;
  for (int i = 0; i < 300; ++i) {
    now += 59'000;  // all of the rounds before are about to go
    auto writer = store->begin().value();
    writer->write(std::to_string(i % 3)).value();
    const auto hash = writer->commit("text/plain").value().hash;
    lost += store->touch(hash) ? 0 : 1;
    lost += store->stat(hash).has_value() && store->stat(hash)->media_type == "text/plain" ? 0 : 1;
  }
  is_over = true;
  collecting.join();
  CHECK(lost == 0);
}
