#pragma once

#include "model/pipeline.hpp"
#include "model/task.hpp"
#include "sim/random.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::sim {

/// What a text makes of the workers that get it.
enum class nature : std::uint8_t {
  sound,    ///< a worker that lives gives the right answer
  bad,      ///< `bad_input`, always
  poisoned  ///< every worker crashes or fails on it
};

/// A job as a client wants it.
struct wish {
  std::string tenant;
  std::optional<std::string> key;
  std::size_t pipeline = 0;
  model::packed_object inputs;
  digest body;  ///< stands for the request's content
  std::uint8_t priority = 5;
  std::optional<duration> deadline;
  nature text = nature::sound;
  std::string expected;  ///< the result's "value" of a sound wish
};

/// The pipelines of all runs; parsed once.
struct catalogue {
  std::vector<std::shared_ptr<const model::pipeline>> pipelines;
  std::vector<std::string> texts;  ///< `store_text` of each
};
[[nodiscard]] const catalogue& pipelines();

[[nodiscard]] wish draw_wish(random& dice, std::uint64_t number);

/// What a worker that does its work makes of its parameters.
[[nodiscard]] std::string work(const std::string& stage, const model::json::object& params);
/// The worst nature among the texts in the parameters.
[[nodiscard]] nature nature_of(const model::json::object& params);
/// The "by" output: which attempt on which slot made it.
[[nodiscard]] std::string signature(model::attempt_no attempt, const model::slot_id& slot);

}  // namespace troupe::sim
