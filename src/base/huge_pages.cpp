#include "base/huge_pages.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace troupe {

namespace {

constexpr std::size_t cache_line = 64;

}  // namespace

void* allocate_on_pages(std::size_t bytes) {
  const bool is_large = bytes >= huge_pages_from;
  const std::size_t unit = is_large ? huge_page : cache_line;
  const std::size_t whole = (std::max<std::size_t>(bytes, 1) + unit - 1) / unit * unit;
  void* const memory = std::aligned_alloc(unit, whole);
  if (memory == nullptr) throw std::bad_alloc();
  // Where they cannot be had, ordinary pages do.
  if (is_large) ::madvise(memory, whole, MADV_HUGEPAGE);
  return memory;
}

}  // namespace troupe
