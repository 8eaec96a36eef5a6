#pragma once

#include "model/pipeline_source.hpp"
#include "scaling/policy.hpp"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

// Fields that policies, plans and prices share, read from a document's tree.
namespace troupe::scaling::detail {

using model::detail::fault_maker;
using model::detail::source_entry;
using model::detail::source_value;

/// One mapping of a document, with what to call it in messages.
class fields {
 public:
  fields(const source_value& map, std::string where, const fault_maker& fault)
      : map_(map), where_(std::move(where)), fault_(fault) {}
  /// Refuses what is no mapping, and keys that nobody knows.
  [[nodiscard]] result<void> check(const std::vector<std::string_view>& known) const;
  [[nodiscard]] const source_value* find(std::string_view key) const;
  /// A key that must be there.
  [[nodiscard]] result<const source_value*> need(std::string_view key, std::string_view hint) const;

  /// Each of these leaves `into` as it is if the key is not there.
  result<void> number(std::string_view key, double least, double most, double& into) const;
  result<void> number(std::string_view key, double least, double most, std::optional<double>& into) const;
  result<void> integer(std::string_view key, int least, int most, int& into) const;
  result<void> integer(std::string_view key, int least, int most, std::optional<int>& into) const;
  result<void> time(std::string_view key, duration least, duration most, duration& into) const;
  result<void> text(std::string_view key, std::size_t bytes_most, std::string& into) const;
  result<void> boolean(std::string_view key, bool& into) const;

  [[nodiscard]] error wrong(const source_value& value, std::string_view what, std::string_view hint) const;
  [[nodiscard]] const source_value& map() const noexcept { return map_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  [[nodiscard]] const fault_maker& fault() const noexcept { return fault_; }

 private:
  const source_value& map_;
  std::string where_;
  const fault_maker& fault_;
};

[[nodiscard]] result<double> number_of(const source_value& value, std::string_view what, double least, double most,
                                       const fault_maker& fault);
[[nodiscard]] result<rule> read_rule(const source_entry& entry, const fault_maker& fault);
[[nodiscard]] result<schedule> read_schedule(const source_entry& entry, const fault_maker& fault);

}  // namespace troupe::scaling::detail
