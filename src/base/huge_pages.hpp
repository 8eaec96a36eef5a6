#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace troupe {

/// Memory for large arrays of numbers, on huge pages where the system has them (transparent_hugepage: madvise or always; see
/// Documentation/admin-guide/mm/transhuge.rst of Linux). Who walks down the columns of a picture meets another page on each row:
/// with ordinary pages, that takes three times as long as the copying itself. Elements that nobody gave a value have none.
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
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_array_new_length();
    const std::size_t bytes = count * sizeof(T);
    const bool is_huge = bytes >= bytes_least;
    const std::size_t unit = is_huge ? page : alignof(std::max_align_t);
    const std::size_t whole = (bytes + unit - 1) / unit * unit;
    void* const memory = std::aligned_alloc(unit, whole);
    if (memory == nullptr) throw std::bad_alloc();
    // Where it cannot be had, ordinary pages do.
    if (is_huge) ::madvise(memory, whole, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }

  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Arguments>
  void construct(U* place, Arguments&&... with) {
    ::new (static_cast<void*>(place)) U(std::forward<Arguments>(with)...);
  }

  friend bool operator==(const huge_page_allocator&, const huge_page_allocator&) noexcept { return true; }
};

/// An array of numbers without values, on huge pages if it is large.
using large_floats = std::vector<float, huge_page_allocator<float>>;

}  // namespace troupe
