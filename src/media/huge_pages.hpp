#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace troupe::media::detail {

/// Memory for large arrays of numbers, on huge pages where the system has them (transparent_hugepage: madvise or always; see
/// Documentation/admin-guide/mm/transhuge.rst of Linux). Who walks down the columns of a large picture meets another page on
/// each row: to look for ordinary ones took longer than the copying (docs/performance.md). Elements that nobody gave a value
/// have none.
template <class T>
struct huge_page_allocator {
  using value_type = T;
  static constexpr std::size_t page = std::size_t{2} << 20;
  /// What is smaller lies on ordinary pages.
  static constexpr std::size_t bytes_least = 2 * page;

  huge_page_allocator() = default;
  template <class U>
  explicit(false) huge_page_allocator(const huge_page_allocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const bool is_huge = count * sizeof(T) >= bytes_least;
    const std::size_t unit = is_huge ? page : alignof(std::max_align_t);
    const std::size_t bytes = (count * sizeof(T) + unit - 1) / unit * unit;
    void* const memory = std::aligned_alloc(unit, bytes);
    if (memory == nullptr) throw std::bad_alloc();
    // Where it cannot be had, ordinary pages do.
    if (is_huge) ::madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }

  /// Of an element without a value.
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }

  friend bool operator==(const huge_page_allocator&, const huge_page_allocator&) noexcept { return true; }
};

/// An array of numbers without values, on huge pages if it is large.
using large_floats = std::vector<float, huge_page_allocator<float>>;

}  // namespace troupe::media::detail
