#include "persistence/replica/ask_book.hpp"
#include "unit/model/table_support.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <set>
#include <string>

// Goal: which slots get the tasks that wait. Method: the book alone, asks and a queue by hand; a table says what runs.
namespace troupe::replica {
namespace {

using model::node_id;

struct book_under_test {
  model::testing::table_under_test table;
  ask_book book;
  model::task_queue queue{10min};
  affinity home;
  timestamp now = from_unix_ms(1'700'000'000'000);
  std::uint64_t last_job = 0;
  bool is_reported = true;

  explicit book_under_test(spreading rule = spreading::even) : book(rule) {}

  static model::slot_id slot(std::uint64_t node, std::uint16_t index) { return {node_id{node}, model::incarnation{1}, index}; }
  void asks(std::uint64_t node, std::uint16_t index, std::uint64_t ask = 1, model::slot_offer offer = {{}, 1}) {
    book.park({slot(node, index), ask, std::move(offer)}, *table.table, now);
  }
  void all_ask(std::uint64_t node, std::uint16_t slots, const model::slot_offer& offer = {{}, 1}) {
    for (std::uint16_t i = 0; i < slots; ++i) asks(node, i, 1, offer);
  }
  void waits(std::uint64_t tasks = 1, const model::requirement& need = {}) {
    for (std::uint64_t i = 0; i < tasks; ++i) queue.add(a_task(++last_job), need);
  }
  static model::ready_task a_task(std::uint64_t job) {
    return {.task = {model::job_id{job}, 0, 0},
            .pipeline = "p",
            .tenant = "t",
            .created = {},
            .deadline = std::nullopt,
            .sequence = job};
  }
  std::vector<model::assign_command> chosen() {
    return book.choose(queue, now, &home, [this](const auto&) { return is_reported; });
  }
  /// How many went to each node.
  std::map<std::uint64_t, int> chosen_by_node() {
    std::map<std::uint64_t, int> found;
    for (const auto& one : chosen()) ++found[one.slot.node.raw()];
    return found;
  }
};

using by_node = std::map<std::uint64_t, int>;

TEST_CASE("as many asks are served as tasks wait, and none twice") {
  book_under_test b;
  b.all_ask(1, 4);
  b.waits(3);
  CHECK(b.chosen().size() == 3);
  CHECK(b.chosen().empty());
  b.waits(2);
  CHECK(b.chosen().size() == 1);
}

TEST_CASE("a task that was named for a slot is named for no other one while that is on its way into the log") {
  book_under_test b;
  const auto asks = [&](std::uint16_t index, model::slot_kind kind) {
    model::slot_ask ask{book_under_test::slot(1, index), 1, {{}, 1}};
    ask.kind = kind;
    b.book.park(ask, *b.table.table, b.now);
  };
  const model::requirement network{.labels = {}, .threads = 1, .memory = {}, .runs_network = true};
  asks(0, model::slot_kind::processor);
  asks(1, model::slot_kind::processor);
  b.waits(3, network);
  b.waits(1);
  const auto first = b.chosen();
  REQUIRE(first.size() == 1);
  CHECK(first[0].preferred == model::task_id{model::job_id{4}, 0, 0});
  CHECK(b.chosen().empty());  // networks wait for devices

  b.book.settle(first[0].slot, 1);
  CHECK(b.chosen().size() == 1);
}

TEST_CASE("with slots of two kinds all tasks that wait are served at once, of however many tenants") {
  book_under_test b;
  for (std::uint16_t i = 0; i < 6; ++i) {
    model::slot_ask ask{book_under_test::slot(1, i), 1, {{}, 1}};
    ask.kind = i < 3 ? model::slot_kind::processor : model::slot_kind::any;
    b.book.park(ask, *b.table.table, b.now);
  }
  for (std::uint64_t job = 1; job <= 6; ++job) {
    auto task = book_under_test::a_task(job);
    task.tenant = std::to_string(job);
    b.queue.add(task, {});
  }
  std::set<model::task_id> named;
  for (const auto& one : b.chosen()) {
    REQUIRE(one.preferred.has_value());
    named.insert(*one.preferred);
  }
  CHECK(named.size() == 6);
}

TEST_CASE("a small device of a node does not stand in the way of a larger one") {
  book_under_test b;
  for (std::uint16_t i = 0; i < 2; ++i) {
    model::slot_ask ask{book_under_test::slot(1, i), 1, {{}, 1, i == 0 ? 24_GiB : 31_GiB}};
    ask.kind = model::slot_kind::device;
    b.book.park(ask, *b.table.table, b.now);
  }
  b.waits(1, {.labels = {}, .threads = 1, .memory = 28_GiB, .runs_network = true});
  const auto chosen = b.chosen();
  REQUIRE(chosen.size() == 1);
  CHECK(chosen[0].slot.index == 1);
}

TEST_CASE("nodes of different sizes are used alike") {
  book_under_test b;
  b.all_ask(1, 4);
  b.all_ask(2, 8);
  b.all_ask(3, 16);
  b.waits(14);
  CHECK(b.chosen_by_node() == by_node{{1, 2}, {2, 4}, {3, 8}});
}

TEST_CASE("a node that was given more gets less afterwards") {
  book_under_test b;
  b.all_ask(1, 4);
  b.waits(2);
  CHECK(b.chosen_by_node() == by_node{{1, 2}});
  b.all_ask(2, 4);
  b.waits(3);
  CHECK(b.chosen_by_node() == by_node{{1, 1}, {2, 2}});
}

TEST_CASE("a small node is used as much as a large one in the mean, at loads that its slots cannot show") {
  book_under_test b;
  const std::map<std::uint64_t, std::uint16_t> slots{{1, 4}, {2, 4}, {3, 16}, {4, 16}};
  for (const auto& [node, count] : slots) b.all_ask(node, count);
  b.waits(24);  // of 40
  std::deque<model::slot_id> running;
  std::map<std::uint64_t, double> busy_s;
  constexpr int seconds = 600;
  for (int second = 0; second < seconds; ++second) {
    for (const auto& one : b.chosen()) running.push_back(one.slot);
    REQUIRE(running.size() == 24);
    for (const auto& slot : running) ++busy_s[slot.node.raw()];
    b.now += 1s;
    b.book.forget_silent(b.now, 1h);
    for (int ended = 0; ended < 2; ++ended, running.pop_front()) b.book.settle(running.front(), 1);
  }
  for (const auto& [node, count] : slots) {
    CHECK(busy_s[node] / (seconds * count) > 0.6 * 0.98);
    CHECK(busy_s[node] / (seconds * count) < 0.6 * 1.02);
  }
}

TEST_CASE("when packed, one node is filled before the next one") {
  book_under_test b{spreading::packed};
  b.all_ask(1, 4);
  b.all_ask(2, 4);
  b.all_ask(3, 4);
  b.waits(6);
  CHECK(b.chosen_by_node() == by_node{{1, 4}, {2, 2}});
}

TEST_CASE("only slots that fit are given a task, whatever stands before them") {
  book_under_test b;
  b.all_ask(1, 4);
  b.all_ask(2, 2, {{"gpu"}, 1});
  b.all_ask(3, 2, {{}, 1, 64_GiB});
  b.all_ask(4, 2, {{}, 1, 65_GiB});
  b.waits(3, {{"gpu"}, 1});
  CHECK(b.chosen_by_node() == by_node{{2, 2}});
  book_under_test c;
  c.all_ask(3, 2, {{}, 1, 64_GiB});
  c.all_ask(4, 2, {{}, 1, 65_GiB});
  c.waits(3, {{}, 1, 65_GiB});
  CHECK(c.chosen_by_node() == by_node{{4, 2}});
}

TEST_CASE("a slot waits until its report is on its way, also when that is taken back") {
  book_under_test b;
  b.book.park({b.slot(1, 0), 2, {{}, 1}, false, model::attempt_ref{{model::job_id{9}, 0, 0}, model::attempt_no{1}}},
              *b.table.table, b.now);
  b.waits();
  b.is_reported = false;
  CHECK(b.chosen().empty());
  b.is_reported = true;
  CHECK(b.chosen().size() == 1);
  b.book.settle(b.slot(1, 0), 2);  // refused, with the report
  b.is_reported = false;
  CHECK(b.chosen().empty());
  b.is_reported = true;
  CHECK(b.chosen().size() == 1);
}

TEST_CASE("a task goes home when there is a slot, and the best one is passed over a few times only") {
  book_under_test b;
  b.all_ask(1, 20);
  b.all_ask(2, 20);
  b.waits(12);
  for (std::uint64_t job = 2; job <= 12; ++job) b.home.ran(model::job_id{job}, node_id{2});
  const auto chosen = b.chosen();
  REQUIRE(chosen.size() == 12);
  const auto named = std::ranges::count_if(chosen, [](const auto& one) { return one.preferred.has_value(); });
  CHECK(named == affinity::passes_most);
  for (const auto& one : chosen)
    if (one.preferred) CHECK(one.slot.node == node_id{2});
}

TEST_CASE("a node that may not work gets nothing until it may again") {
  book_under_test b;
  b.table.apply(model::boot_command{node_id{1}, model::incarnation{1}});
  b.table.apply(model::drain_command{node_id{1}, {}});
  b.all_ask(1, 2);
  b.waits();
  CHECK(b.chosen().empty());
  b.table.apply(model::resume_command{node_id{1}});
  b.book.look_at(node_id{1}, *b.table.table);
  CHECK(b.chosen().size() == 1);
}

TEST_CASE("a slot that falls silent is forgotten; one whose ask is under way, when it is settled") {
  book_under_test b;
  b.asks(1, 0);
  b.asks(1, 1);
  b.waits();
  REQUIRE(b.chosen().size() == 1);
  b.now += 1s;
  b.book.forget_silent(b.now, 0ms);
  CHECK(b.book.size() == 1);
  b.book.settle(b.slot(1, 0), 1);
  CHECK(b.book.size() == 0);
}

TEST_CASE("a late double of an old ask changes nothing") {
  book_under_test b;
  b.asks(1, 0, 5);
  b.book.close(b.slot(1, 0), 5);
  b.asks(1, 0, 4);
  b.waits();
  CHECK(b.chosen().empty());
  b.asks(1, 0, 6);
  CHECK(b.chosen().size() == 1);
}

TEST_CASE("what asked before a node's new start is forgotten") {
  book_under_test b;
  b.all_ask(1, 1);
  b.all_ask(2, 2);
  b.waits();
  REQUIRE(b.chosen_by_node() == by_node{{2, 1}});
  b.book.forget(node_id{2}, model::incarnation{1}, false);
  CHECK(b.book.size() == 2);
  CHECK(b.chosen().empty());
  b.book.forget(node_id{2}, model::incarnation{1}, true);
  CHECK(b.book.size() == 1);
  CHECK(b.chosen_by_node() == by_node{{1, 1}});
}

}  // namespace
}  // namespace troupe::replica
