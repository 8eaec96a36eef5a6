#include "persistence/artifacts/reference_slice.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <functional>

namespace troupe::artifacts {
namespace {

std::uint64_t mark_of(const digest& hash) {
  std::uint64_t mark = 0;
  for (std::size_t i = 0; i < 8; ++i) mark = mark << 8 | hash.raw()[i];
  return mark & ~std::uint64_t{1};
}

}  // namespace

reference_slice::reference_slice(std::uint64_t first, std::size_t most) : first_(first), most_(most) {
  TROUPE_ASSERT(most >= 4, "halving must leave something");
}

bool reference_slice::covers(const digest& hash) const noexcept {
  const auto mark = mark_of(hash);
  return mark >= first_ && mark <= last_;
}

void reference_slice::add(const digest& hash, bool is_lasting) {
  if (!covers(hash)) return;
  marks_.push_back(mark_of(hash) | (is_lasting ? 1 : 0));
  if (marks_.size() < most_) return;
  sort_out();
  if (marks_.size() <= most_ / 2) return;
  marks_.resize(most_ / 2);
  last_ = marks_.back() | 1;
}

void reference_slice::close() { sort_out(); }

reference_slice::use reference_slice::use_of(const digest& hash) const {
  const auto mark = mark_of(hash);
  const auto at = std::ranges::lower_bound(marks_, mark);
  if (at == marks_.end() || (*at | 1) != (mark | 1)) return use::none;
  return *at == mark ? use::work : use::lasting;
}

/// One mark for each digest; lasting goes before work.
void reference_slice::sort_out() {
  std::ranges::sort(marks_, std::greater{});
  const auto rest = std::ranges::unique(marks_, [](auto a, auto b) { return (a | 1) == (b | 1); });
  marks_.erase(rest.begin(), rest.end());
  std::ranges::reverse(marks_);
}

}  // namespace troupe::artifacts
