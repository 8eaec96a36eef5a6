#pragma once

#include "base/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace troupe::artifacts {

/// Which digests are referred to, for as large a part of all digests as fits into the memory allowed. Digests are known by their
/// first 63 bits: a chance likeness keeps an artifact that nobody needs, and never loses one that somebody needs.
///
/// The part begins at `first`. Whenever there are too many, the upper half is dropped and the part ends before it; what is left
/// is complete, and the next round begins where this one ended.
class reference_slice {
 public:
  enum class use : std::uint8_t { none, work, lasting };

  /// @param first  where the part begins; 0, or what `next_first` of another one said
  /// @param most   references that are held, at least 4
  reference_slice(std::uint64_t first, std::size_t most);
  void add(const digest& hash, bool is_lasting);
  /// After the last `add`, before the questions.
  void close();

  [[nodiscard]] std::uint64_t first() const noexcept { return first_; }
  [[nodiscard]] std::uint64_t last() const noexcept { return last_; }  ///< inclusive
  [[nodiscard]] bool covers(const digest& hash) const noexcept;
  [[nodiscard]] bool reaches_the_end() const noexcept { return last_ == std::numeric_limits<std::uint64_t>::max(); }
  /// Where the next part begins; 0 after the last one.
  [[nodiscard]] std::uint64_t next_first() const noexcept { return last_ + 1; }
  /// What a digest that is covered is needed for.
  [[nodiscard]] use use_of(const digest& hash) const;

 private:
  void sort_out();

  std::uint64_t first_, last_ = std::numeric_limits<std::uint64_t>::max();
  std::size_t most_;
  std::vector<std::uint64_t> marks_;  ///< 63 bits of the digest; the lowest bit: lasting
};

}  // namespace troupe::artifacts
