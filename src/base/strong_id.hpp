#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace troupe {

/// A number that cannot be mistaken for another one: no arithmetic, no silent way back.
template <class Tag, class Rep = std::uint64_t>
class strong_id {
 public:
  constexpr strong_id() = default;  // only so that containers and CAF can receive one; 0 is never issued
  constexpr explicit strong_id(Rep raw) noexcept : raw_(raw) {}
  [[nodiscard]] constexpr Rep raw() const noexcept { return raw_; }
  friend constexpr auto operator<=>(const strong_id&, const strong_id&) = default;

 private:
  Rep raw_ = 0;
};

}  // namespace troupe

template <class Tag, class Rep>
struct std::hash<troupe::strong_id<Tag, Rep>> {
  std::size_t operator()(troupe::strong_id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.raw()); }
};
