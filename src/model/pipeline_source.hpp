#pragma once

#include "base/error.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A pipeline's text as a tree of plain values that know where they stand. YAML's and JSON's own dangers (aliases, tags, depth,
// size, doubled keys, several documents) end here.
namespace troupe::model::detail {

namespace json = boost::json;

struct position {
  int line = 1;
  int column = 1;
};

struct source_entry;

/// One value of the document.
struct source_value {
  enum class shape_kind : std::uint8_t { scalar, list, map };
  shape_kind shape = shape_kind::scalar;
  position at;
  json::value scalar;                 ///< null, boolean, integer, number or text
  std::vector<source_value> items;    ///< of a list
  std::vector<source_entry> entries;  ///< of a map, in the author's order, no key twice

  [[nodiscard]] bool is_text() const { return shape == shape_kind::scalar && scalar.is_string(); }
  [[nodiscard]] std::string_view text() const { return scalar.get_string(); }
  [[nodiscard]] bool is_map() const { return shape == shape_kind::map; }
  [[nodiscard]] bool is_list() const { return shape == shape_kind::list; }
  [[nodiscard]] const source_entry* find(std::string_view key) const;
};

struct source_entry {
  std::string key;
  position at;
  source_value value;
};

/// "a text", "a list", "the number 5": what a value is, for messages.
[[nodiscard]] std::string describe(const source_value& value);
/// The value as JSON, maps with sorted keys.
[[nodiscard]] json::value to_json(const source_value& value);

/// Makes "file:line:column: what; hint".
class fault_maker {
 public:
  /// @param thing what the file holds, for messages
  explicit fault_maker(std::string_view file, std::string_view thing = "pipeline") : file_(file), thing_(thing) {}
  [[nodiscard]] std::string_view thing() const noexcept { return thing_; }
  [[nodiscard]] error operator()(position at, std::string_view what, std::string_view hint) const;
  /// For a message that has its hint already. @param where  "parameter 'text' of stage 'speak'"
  [[nodiscard]] error about(position at, std::string_view where, const error& inner) const;

  /// For a judgement "must be X, not Y", perhaps with a hint of its own. @param hint  used if it has none
  [[nodiscard]] error misfit(position at, std::string_view where, const error& judgement, std::string_view hint) const;

 private:
  std::string_view file_, thing_;
};

/// Refuses keys that are not in `known`. @param where  "stage 'speak'", for messages.
[[nodiscard]] result<void> check_keys(const source_value& map, const std::vector<std::string_view>& known, std::string_view where,
                                      const fault_maker& fault);

/// Who wrote the text decides how long it may be: a stored pipeline has its defaults written out.
enum class text_origin : std::uint8_t { author, store };

/// Reads a YAML (or JSON) document. An empty one is null.
[[nodiscard]] result<source_value> read_yaml(std::string_view text, text_origin origin, const fault_maker& fault);

}  // namespace troupe::model::detail
