#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// What an operator has paused. A task of a paused pipeline waits, what runs goes on, and jobs are taken as ever.
namespace troupe::model {

namespace limits {
inline constexpr std::size_t pauses = 64;               ///< of a cluster, at the same time
inline constexpr std::size_t pause_reason_bytes = 200;  ///< checked where the request comes in
}  // namespace limits

/// What a pause is of: one pipeline, by its name, or everything, if there is no name.
using paused_scope = std::optional<std::string>;

struct pause {
  timestamp since{};   ///< log time
  std::string reason;  ///< of the operator, for people; may be empty
  friend bool operator==(const pause&, const pause&) = default;
};

class pauses {
 public:
  /// What is paused already gets the new reason, and stays paused since when it was.
  /// @returns whether it was not paused before; `errc::conflict` if there are `limits::pauses` already.
  result<bool> begin(const paused_scope& of, std::string_view reason, timestamp now);
  /// @returns whether it was paused.
  bool end(const paused_scope& of) { return all_.erase(of) > 0; }
  [[nodiscard]] bool holds_everything() const { return all_.contains(std::nullopt); }
  /// Whether tasks of this pipeline wait for an operator.
  [[nodiscard]] bool hold(const std::string& pipeline) const { return holds_everything() || all_.contains(pipeline); }
  /// That, and since when and what for, for people; "" if nothing holds them.
  [[nodiscard]] std::string why(const std::string& pipeline) const;
  /// The pause of everything comes first, then those of pipelines by name.
  [[nodiscard]] const std::map<paused_scope, pause>& all() const noexcept { return all_; }

  /// For the state: JSON, a list.
  [[nodiscard]] std::string stored() const;
  [[nodiscard]] static pauses from_stored(const std::string& text);

 private:
  std::map<paused_scope, pause> all_;
};

/// "everything", or "pipeline NAME".
[[nodiscard]] std::string scope_text(const paused_scope& of);

}  // namespace troupe::model
