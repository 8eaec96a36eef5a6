#pragma once

#include "base/units.hpp"

#include <cstddef>
#include <filesystem>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::worker {

/// What networks took of memory, by where they ran, what they were, and the shape of their pictures: a new worker claims as much
/// before it makes them ready. Kept in a file; losing it costs nothing but that. Any thread.
class peak_book {
 public:
  static constexpr std::size_t most = 512;  ///< what was used last stays

  /// @param file  empty: kept in memory alone
  explicit peak_book(std::filesystem::path file);

  struct peak {
    std::string shape;
    bytes size;
  };
  [[nodiscard]] std::vector<peak> of(std::string_view where, std::string_view what) const;
  /// The larger one counts.
  void learn(std::string_view where, std::string_view what, std::string_view shape, bytes size);

 private:
  struct entry {
    std::string where, what;
    peak learned;
  };
  void read();
  void write() const;

  std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::list<entry> entries_;  ///< the one learned last in front
};

}  // namespace troupe::worker
