#pragma once

#include "scaling/decide.hpp"

#include <deque>
#include <utility>

// What Kubernetes' Horizontal Pod Autoscaler would do with its defaults, for comparison. Source: the Kubernetes documentation,
// "Horizontal Pod Autoscaling": algorithm details, stabilisation window, default behaviour (autoscaling/v2).
namespace troupe::scaling {

struct hpa_options {
  double target = 50;  ///< percent of `slot_use`, average over pods
  int min = 1, max = 100;
};

/// Called each 15 s. desired = ceil(pods * use / target), nothing within 10 %; pods that are not ready count as unused when going
/// out; out by at most 100 % or 4 pods in 15 s, the larger; in to the most wanted in the last 300 s, by up to 100 %. It is given
/// victims that are not busy, which the real one does not look for.
class hpa {
 public:
  explicit hpa(hpa_options options) : options_(options) {}
  [[nodiscard]] decision step(const observation& seen);

 private:
  [[nodiscard]] int recommend(const observation& seen) const;
  hpa_options options_;
  std::deque<std::pair<timestamp, int>> recommended_;
};

}  // namespace troupe::scaling
