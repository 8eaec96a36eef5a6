#pragma once

#include "model/ids.hpp"

#include <cstddef>
#include <memory>

namespace troupe::model {

/// Which jobs have ended and are still kept, so that the id of a new one need not be looked for on the disk. Some 10 to 20 bytes
/// a job; if they are too many for that, nothing is known of any.
class ended_jobs {
 public:
  explicit ended_jobs(std::size_t most = 4'000'000);
  ~ended_jobs();
  ended_jobs(const ended_jobs&) = delete;
  ended_jobs& operator=(const ended_jobs&) = delete;

  void add(job_id id);
  void remove(job_id id);
  /// False: no such job is kept.
  [[nodiscard]] bool may_have(job_id id) const;

 private:
  struct set;
  std::size_t most_;
  std::unique_ptr<set> known_;  // null: they were too many
};

}  // namespace troupe::model
