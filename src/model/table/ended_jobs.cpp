#include "model/table/ended_jobs.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

namespace troupe::model {

struct ended_jobs::set {
  boost::unordered_flat_set<job_id, std::hash<job_id>> ids;
};

ended_jobs::ended_jobs(std::size_t most) : most_(most), known_(std::make_unique<set>()) {}
ended_jobs::~ended_jobs() = default;

void ended_jobs::add(job_id id) {
  if (!known_) return;
  known_->ids.insert(id);
  if (known_->ids.size() > most_) known_.reset();
}

void ended_jobs::remove(job_id id) {
  if (known_) known_->ids.erase(id);
}

bool ended_jobs::may_have(job_id id) const { return !known_ || known_->ids.contains(id); }

}  // namespace troupe::model
