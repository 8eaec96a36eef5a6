#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

// Memory for large arrays, on huge pages where the system has them (transparent_hugepage: madvise or always; see
// Documentation/admin-guide/mm/transhuge.rst of Linux). Who walks down the columns of a large picture meets another page on each
// row: to look for ordinary ones took longer than the copying (docs/performance.md).
namespace troupe {

constexpr std::size_t huge_page = std::size_t{2} << 20;
/// What is smaller lies on ordinary pages.
constexpr std::size_t huge_pages_from = 2 * huge_page;

/// What an array of so many bytes takes: whole pages, if it is large.
[[nodiscard]] constexpr std::size_t bytes_on_pages(std::size_t bytes) noexcept {
  return bytes < huge_pages_from ? bytes : (bytes + huge_page - 1) / huge_page * huge_page;
}

struct memory_freer {
  void operator()(void* memory) const noexcept { std::free(memory); }
};
using memory_on_pages = std::unique_ptr<std::byte, memory_freer>;

/// @returns memory that begins with a page if it is large, else with a cache line. @throws std::bad_alloc
[[nodiscard]] memory_on_pages allocate_on_pages(std::size_t bytes);

/// Elements that nobody gave a value have none.
template <class T>
struct huge_page_allocator {
  using value_type = T;

  huge_page_allocator() = default;
  template <class U>
  explicit(false) huge_page_allocator(const huge_page_allocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) { return reinterpret_cast<T*>(allocate_on_pages(count * sizeof(T)).release()); }
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

}  // namespace troupe
