#include "unit/raft/builders.hpp"

using namespace troupe;
using namespace troupe::raft;
using namespace troupe::raft::testing;

namespace {

errc refusal(const recovered& found, const options& settings = quiet_options()) {
  const auto opened = machine::open(settings, found);
  return opened ? errc::none : opened.error().code;
}

}  // namespace

TEST_CASE("a log with a hole, or one that contradicts the stored term, is corrupt") {
  auto hole = past(3, 2, log_of({1, 2}));
  hole.entries[1].index = at(3);
  CHECK(refusal(hole) == errc::corrupt);

  auto late = past(3, 2, log_of({2}));
  CHECK(refusal(late) == errc::none);
  late.snapshot_index = at(4);
  CHECK(refusal(late) == errc::corrupt);

  CHECK(refusal(past(3, 3, log_of({3, 2}))) == errc::corrupt);
  CHECK(refusal(past(3, 2, log_of({3}))) == errc::corrupt);
}

TEST_CASE("state that runs ahead of the log, or behind its begin, is corrupt") {
  auto found = past(1, 2, log_of({1, 2}, 5));
  found.snapshot_index = at(5);
  found.snapshot_term = term{1};
  for (const auto& [applied, expected] : {std::pair{4, errc::corrupt}, {5, errc::none}, {7, errc::none}, {8, errc::corrupt}}) {
    found.applied = at(static_cast<std::uint64_t>(applied));
    CHECK(refusal(found) == expected);
  }
}

TEST_CASE("options that cannot work are refused") {
  CHECK(refusal(past(3), quiet_options(0)) == errc::bad_request);
  auto doubled = past(3);
  doubled.members.voters.push_back(server(1));
  CHECK(refusal(doubled) == errc::bad_request);
  auto nameless = past(3);
  nameless.members.voters.push_back(server_id{});
  CHECK(refusal(nameless) == errc::bad_request);
  auto settings = quiet_options();
  settings.heartbeat = 600ms;
  CHECK(refusal(past(3), settings) == errc::bad_request);
  settings = quiet_options();
  settings.inflight_max = 0;
  CHECK(refusal(past(3), settings) == errc::bad_request);
}

TEST_CASE("the log finds the last place where two logs can agree") {
  const entry_log log{at(2), term{1}, log_of({1, 4, 4, 6}, 2)};
  CHECK(log.last_not_after(at(6), term{9}) == at(6));
  CHECK(log.last_not_after(at(9), term{5}) == at(5));
  CHECK(log.last_not_after(at(4), term{3}) == at(3));
  CHECK(log.last_not_after(at(6), term{0}) == at(2));
  CHECK(log.last_not_after(at(1), term{9}) == at(2));
}

TEST_CASE("a slice of the log keeps to its limit but never is empty") {
  const entry_log log{at(0), term{0}, log_of({1, 1, 1})};
  CHECK(log.slice(at(1), log.last(), bytes{0}).size() == 1);
  CHECK(log.slice(at(1), log.last(), bytes{2 * weight(log.at(at(1))).count()}).size() == 2);
  CHECK(log.slice(at(2), log.last(), 1_MiB).size() == 2);
  CHECK(log.slice(at(4), log.last(), 1_MiB).empty());
}
