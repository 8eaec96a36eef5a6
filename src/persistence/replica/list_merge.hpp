#pragma once

#include "model/table/job_table.hpp"

#include <cstdint>
#include <vector>

namespace troupe::replica {

/// One page of the jobs of several shards, out of one page of each: what `job_table::list` answered to the same filter, cursor
/// and limit. A page that ended early, because its shard had looked at enough jobs, ends the whole one where that shard had come
/// to, so that the cursor, which is a place in the order of all jobs, leaves none out.
[[nodiscard]] model::job_table::list_page merge_pages(std::vector<model::job_table::list_page> pages, std::uint32_t limit);

}  // namespace troupe::replica
