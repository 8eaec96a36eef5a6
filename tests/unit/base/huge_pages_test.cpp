#include "base/huge_pages.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>

using namespace troupe;

namespace {

constexpr std::size_t cache_line = 64;

}  // namespace

TEST_CASE("large arrays begin with a huge page and take whole ones, small ones begin with a cache line") {
  for (const auto bytes : {std::size_t{0}, std::size_t{1}, huge_pages_from - 1, huge_pages_from, huge_pages_from + 1}) {
    CAPTURE(bytes);
    const auto memory = allocate_on_pages(bytes);
    REQUIRE(memory != nullptr);
    std::memset(memory.get(), 1, bytes_on_pages(bytes));
    const bool is_large = bytes >= huge_pages_from;
    CHECK(reinterpret_cast<std::uintptr_t>(memory.get()) % (is_large ? huge_page : cache_line) == 0);
  }
  CHECK(bytes_on_pages(huge_pages_from - 1) == huge_pages_from - 1);
  CHECK(bytes_on_pages(huge_pages_from) == huge_pages_from);
  CHECK(bytes_on_pages(huge_pages_from + 1) == huge_pages_from + huge_page);
}

TEST_CASE("an array of numbers keeps them when it grows beyond a page") {
  large_floats numbers(3, 0.5F);
  numbers.resize(huge_pages_from / sizeof(float) + 1);
  CHECK(numbers[0] == 0.5F);
  CHECK(numbers[2] == 0.5F);
}
