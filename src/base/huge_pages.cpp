#include "base/huge_pages.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace troupe {

namespace {

constexpr std::size_t cache_line = 64;

}  // namespace

memory_on_pages allocate_on_pages(std::size_t bytes) {
  const bool is_large = bytes >= huge_pages_from;
  const std::size_t lines = (std::max<std::size_t>(bytes, 1) + cache_line - 1) / cache_line * cache_line;
  const std::size_t whole = is_large ? bytes_on_pages(bytes) : lines;
  memory_on_pages memory(static_cast<std::byte*>(std::aligned_alloc(is_large ? huge_page : cache_line, whole)));
  if (memory == nullptr) throw std::bad_alloc();
  // Where they cannot be had, ordinary pages do.
  if (is_large) ::madvise(memory.get(), whole, MADV_HUGEPAGE);
  return memory;
}

}  // namespace troupe
