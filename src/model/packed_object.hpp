#pragma once

#include "base/units.hpp"

#include <boost/json/object.hpp>

#include <memory>
#include <string>

namespace troupe::model {

namespace json = boost::json;

/// A JSON object as the text that it is stored and sent as, parsed when somebody first looks into it. Copies share both: a job's
/// inputs pass through the log, the table and the disk of every node, and most of these never look. Immutable; any thread.
class packed_object {
 public:
  packed_object() = default;  ///< {}
  explicit packed_object(json::object from);
  /// @param text  what `text` gave once; anything else ends the program when it is looked into
  [[nodiscard]] static packed_object from_text(std::string text);

  /// Without spaces. A key or a string of ASCII letters stands there as it is.
  [[nodiscard]] const std::string& text() const noexcept;
  [[nodiscard]] const json::object& object() const;
  /// About what it takes in memory when it is parsed.
  [[nodiscard]] bytes weight() const noexcept;

  friend bool operator==(const packed_object& a, const packed_object& b) noexcept { return a.text() == b.text(); }

 private:
  struct body;
  std::shared_ptr<const body> body_;  // null: {}
};

}  // namespace troupe::model
