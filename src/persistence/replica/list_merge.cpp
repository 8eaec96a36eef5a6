#include "persistence/replica/list_merge.hpp"

#include "persistence/replica/state_store.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace troupe::replica {

model::job_table::list_page merge_pages(std::vector<model::job_table::list_page> pages, std::uint32_t limit) {
  std::string upto;  // all shards have been looked at up to here; empty: to the end
  std::vector<std::pair<std::string, model::job_view>> found;
  for (auto& page : pages) {
    if (!page.next_cursor.empty()) upto = upto.empty() ? page.next_cursor : std::min(upto, page.next_cursor);
    for (auto& job : page.jobs) {
      auto place = list_key(job.created, job.id);
      found.emplace_back(std::move(place), std::move(job));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (!upto.empty()) std::erase_if(found, [&](const auto& one) { return one.first > upto; });
  if (found.size() > limit) {
    found.resize(limit);
    upto = found.back().first;
  }
  model::job_table::list_page merged;
  merged.next_cursor = std::move(upto);
  for (auto& [place, job] : found) merged.jobs.push_back(std::move(job));
  return merged;
}

}  // namespace troupe::replica
