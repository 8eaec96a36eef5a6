#include "scaling/course.hpp"

#include <algorithm>
#include <utility>

namespace troupe::scaling {

void course::add(const point& now) {
  unfinished_ = std::max(unfinished_, now.unfinished);
  const bool is_same = !points_.empty() && points_.back().desired == now.desired && points_.back().ready == now.ready;
  if (is_same && now.at - points_.back().at < distance) return;
  points_.push_back(now);
  points_.back().unfinished = std::exchange(unfinished_, 0);
  if (points_.size() > most) points_.pop_front();
}

}  // namespace troupe::scaling
