#pragma once

#include "model/pipeline.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model::detail {

/// A rule between parameters, or one that a range cannot say, that a stage breaks.
struct rule_fault {
  std::string param;  ///< the parameter to point at; empty: the stage
  std::string what;
  std::string hint;
};

/// @param values  the parameters whose values are known
/// @param given   the names of all parameters that have a value, known or not
[[nodiscard]] std::optional<rule_fault> broken_rule(stage_kind kind, const json::object& values,
                                                    const std::vector<std::string_view>& given);

[[nodiscard]] std::vector<std::string_view> stage_kind_names();

}  // namespace troupe::model::detail
