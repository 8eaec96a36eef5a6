#include "persistence/replica/list_merge.hpp"
#include "persistence/replica/state_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

// Goal: the lists of several shards are one list, whose pages leave out nothing and show nothing twice. Method: shards that are
// sorted keys, read as the job table reads its store; all pages of them, merged, against one list of everything.
namespace troupe::replica {
namespace {

struct listed {
  timestamp created;
  model::job_id id;
  bool matches = true;
};

/// Answers like `job_table::list`: looks at `scan_most` jobs at most.
struct fake_shard {
  std::vector<listed> jobs;
  std::size_t scan_most = 1000;

  model::job_table::list_page list(const std::string& cursor, std::uint32_t limit) const {
    auto sorted = jobs;
    std::ranges::sort(sorted, {}, [](const listed& job) { return list_key(job.created, job.id); });
    model::job_table::list_page page;
    std::size_t scanned = 0;
    for (const auto& job : sorted) {
      const auto place = list_key(job.created, job.id);
      if (place <= cursor) continue;
      if (job.matches) {
        auto& shown = page.jobs.emplace_back();
        shown.id = job.id;
        shown.created = job.created;
      }
      if (page.jobs.size() >= limit || ++scanned >= scan_most) {
        page.next_cursor = place;
        break;
      }
    }
    return page;
  }
};

std::vector<model::job_id> ids_of(const model::job_table::list_page& page) {
  std::vector<model::job_id> ids;
  for (const auto& job : page.jobs) ids.push_back(job.id);
  return ids;
}

model::job_table::list_page merged(const std::vector<fake_shard>& shards, const std::string& cursor, std::uint32_t limit) {
  std::vector<model::job_table::list_page> pages;
  for (const auto& shard : shards) pages.push_back(shard.list(cursor, limit));
  return merge_pages(std::move(pages), limit);
}

std::vector<model::job_id> all_of(const std::vector<fake_shard>& shards, std::uint32_t limit) {
  std::vector<model::job_id> all;
  std::string cursor;
  for (int pages = 0;; ++pages) {
    REQUIRE(pages < 10'000);
    const auto page = merged(shards, cursor, limit);
    CHECK(page.jobs.size() <= limit);
    for (const auto id : ids_of(page)) all.push_back(id);
    if (page.next_cursor.empty()) return all;
    CHECK(page.next_cursor > cursor);
    cursor = page.next_cursor;
  }
}

timestamp at(std::int64_t ms) { return from_unix_ms(1'700'000'000'000 + ms); }

TEST_CASE("the newest come first, from whatever shard") {
  const std::vector<fake_shard> shards{
      {{{at(5), model::job_id{5}}, {at(1), model::job_id{1}}}}, {{{at(4), model::job_id{4}}, {at(2), model::job_id{2}}}}, {}};
  const auto page = merged(shards, "", 10);
  CHECK(ids_of(page) == std::vector{model::job_id{5}, model::job_id{4}, model::job_id{2}, model::job_id{1}});
  CHECK(page.next_cursor.empty());
}

TEST_CASE("a page ends with its limit, and the next one goes on behind it in all shards") {
  const std::vector<fake_shard> shards{{{{at(5), model::job_id{5}}, {at(1), model::job_id{1}}}},
                                       {{{at(4), model::job_id{4}}, {at(2), model::job_id{2}}}}};
  const auto page = merged(shards, "", 3);
  CHECK(ids_of(page) == std::vector{model::job_id{5}, model::job_id{4}, model::job_id{2}});
  CHECK(ids_of(merged(shards, page.next_cursor, 3)) == std::vector{model::job_id{1}});
}

TEST_CASE("a shard that has looked at enough jobs holds the page back to where it came") {
  fake_shard picky{{{at(9), model::job_id{9}, false}, {at(8), model::job_id{8}, false}, {at(3), model::job_id{3}}}, 2};
  const std::vector<fake_shard> shards{picky, {{{at(7), model::job_id{7}}}}};

  const auto page = merged(shards, "", 5);

  CHECK(page.jobs.empty());  // 7 stands behind the place that the first shard reached
  REQUIRE_FALSE(page.next_cursor.empty());
  CHECK(ids_of(merged(shards, page.next_cursor, 5)) == std::vector{model::job_id{7}, model::job_id{3}});
}

TEST_CASE("pages of any shards, limits and filters are together the list of everything") {
  std::mt19937_64 random{7};
  for (int round = 0; round < 100; ++round) {
    std::vector<fake_shard> shards(1 + random() % 5);
    for (auto& shard : shards) shard.scan_most = 1 + random() % 20;
    fake_shard everything;
    for (std::uint64_t id = 1; id <= random() % 100; ++id) {
      const listed job{at(static_cast<std::int64_t>(random() % 20)), model::job_id{id}, random() % 3 != 0};
      everything.jobs.push_back(job);
      shards[random() % shards.size()].jobs.push_back(job);
    }
    CAPTURE(round);
    CHECK(all_of(shards, 1 + static_cast<std::uint32_t>(random() % 7)) == ids_of(everything.list("", 1000)));
  }
}

}  // namespace
}  // namespace troupe::replica
