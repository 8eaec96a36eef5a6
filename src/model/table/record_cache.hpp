#pragma once

#include "model/table/job_record.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>

namespace troupe::model {

/// The jobs that were touched last, so that a job's next command need not read and decode its record again. It saves time and
/// nothing else: a record in it is what the store would give, because whoever changes one also saves it.
class record_cache {
 public:
  /// @param most  so many records are kept, or fewer that weigh as much together; at least 1
  record_cache(std::size_t most, bytes weight_most) : most_(most), weight_most_(weight_most) {}

  /// The record, which is now the last one touched; null if it is not here.
  [[nodiscard]] std::shared_ptr<job_record> find(job_id id);
  /// Takes the place of another record of this job, or of the one that was not touched for the longest.
  void keep(std::shared_ptr<job_record> job);
  /// The same, but no record of another job makes room for it.
  void keep_if_room(std::shared_ptr<job_record> job);
  void forget(job_id id);
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  /// About what a record takes of the memory.
  [[nodiscard]] static bytes weight_of(const job_record& job);

 private:
  struct kept {
    std::shared_ptr<job_record> job;
    bytes weight;  // when it was put here
  };
  [[nodiscard]] bool has_room_for(bytes weight) const noexcept;

  using by_use = std::list<kept>;

  std::size_t most_;
  bytes weight_most_, weight_;
  by_use records_;  // the last one touched comes first
  std::unordered_map<job_id, by_use::iterator> places_;
};

}  // namespace troupe::model
