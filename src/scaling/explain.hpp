#pragma once

#include "scaling/decide.hpp"

#include <boost/json/object.hpp>

#include <string>

// Decisions in words and as data.
namespace troupe::scaling {

/// What a decision is explained from.
struct background {
  const policy_set& policy;
  const situation& at;
  const bounds& holds;
  const memory& remembered;
};
/// Fills in the text and what would happen otherwise.
void explain(decision& d, const background& from);

/// The names are part of the interface.
[[nodiscard]] boost::json::object to_json(const decision& d);

}  // namespace troupe::scaling
