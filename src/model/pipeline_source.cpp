#include "model/pipeline_source.hpp"

#include "model/pipeline_names.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace troupe::model::detail {

const source_entry* source_value::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &source_entry::key);
  return found == entries.end() ? nullptr : &*found;
}

std::string describe(const source_value& value) {
  if (value.is_list()) return "a list";
  if (value.is_map()) return "a mapping";
  if (value.scalar.is_null()) return "empty";
  if (value.scalar.is_bool()) return value.scalar.get_bool() ? "the boolean true" : "the boolean false";
  if (value.scalar.is_string()) return "the text " + in_quotes(value.text());
  return "the number " + json::serialize(value.scalar);
}

json::value to_json(const source_value& value) {
  if (value.is_list()) {
    json::array list;
    list.reserve(value.items.size());
    for (const auto& item : value.items) list.push_back(to_json(item));
    return list;
  }
  if (!value.is_map()) return value.scalar;
  std::vector<const source_entry*> sorted;
  sorted.reserve(value.entries.size());
  for (const auto& entry : value.entries) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const source_entry* entry) -> const std::string& { return entry->key; });
  json::object object;
  for (const auto* entry : sorted) object.emplace(entry->key, to_json(entry->value));
  return object;
}

error fault_maker::operator()(position at, std::string_view what, std::string_view hint) const {
  return error{errc::bad_request, fmt::format("{}:{}:{}: {}; {}", file_, at.line, at.column, what, hint)};
}

error fault_maker::about(position at, std::string_view where, const error& inner) const {
  return error{inner.code, fmt::format("{}:{}:{}: {}: {}", file_, at.line, at.column, where, inner.detail)};
}

error fault_maker::misfit(position at, std::string_view where, const error& judgement, std::string_view hint) const {
  const auto what = fmt::format("{} {}", where, judgement.detail);
  if (what.find("; ") != std::string::npos)
    return error{errc::bad_request, fmt::format("{}:{}:{}: {}", file_, at.line, at.column, what)};
  return (*this)(at, what, hint);
}

result<void> check_keys(const source_value& map, const std::vector<std::string_view>& known, std::string_view where,
                        const fault_maker& fault) {
  for (const auto& entry : map.entries) {
    if (std::ranges::find(known, entry.key) == known.end()) {
      return fault(entry.at, fmt::format("unknown key {} in {}", in_quotes(entry.key), where),
                   hint_for(entry.key, known, "keys"));
    }
  }
  return {};
}

}  // namespace troupe::model::detail
