#include "persistence/replica/lease_book.hpp"

#include <doctest/doctest.h>

// Goal: a lease that is not renewed ends once, and only the one of the attempt that runs. Method: the book alone.
namespace troupe::replica {
namespace {

constexpr timestamp start = from_unix_ms(1'700'000'000'000);
constexpr model::task_id first{model::job_id{1}, 0, 0}, second{model::job_id{2}, 0, 0};
constexpr model::attempt_no one{1}, two{2};

const auto nothing_reported = [](const model::attempt_ref&) { return false; };

TEST_CASE("what is not renewed ends once, what is renewed does not") {
  lease_book book;
  book.hold(first, one, start + 4s);
  book.hold(second, one, start + 4s);
  book.hold(second, one, start + 5s);
  CHECK(book.next_end(nothing_reported) == start + 4s);
  const auto ended = book.take_ended(start + 4s, nothing_reported);
  REQUIRE(ended.size() == 1);
  CHECK(ended.front().what == model::attempt_ref{first, one});
  CHECK(book.take_ended(start + 4s, nothing_reported).empty());
  CHECK(book.next_end(nothing_reported) == start + 5s);
}

TEST_CASE("a loss that could not be proposed is due again") {
  lease_book book;
  book.hold(first, one, start);
  REQUIRE(book.take_ended(start, nothing_reported).size() == 1);
  book.take_back(first);
  CHECK(book.take_ended(start, nothing_reported).size() == 1);
}

TEST_CASE("the lease of an attempt whose report is under way does not end") {
  lease_book book;
  book.hold(first, one, start);
  book.hold(second, one, start + 1s);
  const auto is_reported = [](const model::attempt_ref& what) { return what.task == first; };
  CHECK(book.take_ended(start, is_reported).empty());
  CHECK(book.next_end(is_reported) == start + 1s);
}

TEST_CASE("the end of an earlier attempt leaves the lease of the present one") {
  lease_book book;
  book.hold(first, two, start);
  book.drop(first, one);
  CHECK(book.size() == 1);
  book.drop(first, two);
  CHECK(book.size() == 0);
  CHECK_FALSE(book.next_end(nothing_reported));
}

TEST_CASE("a node whose process has ended has less time, unless it is heard of") {
  lease_book book;
  book.hold(first, one, start + 4s);
  book.end_soon(first, start + 1s);
  CHECK(book.next_end(nothing_reported) == start + 1s);
  book.hold(first, one, start + 5s);
  CHECK(book.next_end(nothing_reported) == start + 5s);
  book.end_soon(first, start + 9s);  // no later than it would anyway
  const auto ended = book.take_ended(start + 5s, nothing_reported);
  REQUIRE(ended.size() == 1);
  CHECK(ended.front().is_node_gone);
}

}  // namespace
}  // namespace troupe::replica
