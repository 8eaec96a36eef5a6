#pragma once

#include "base/units.hpp"
#include "model/ids.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::sim {

/// An invariant does not hold.
struct violation : std::runtime_error {
  violation(std::string which, const std::string& what) : std::runtime_error(which + ": " + what), invariant(std::move(which)) {}
  std::string invariant;  ///< "I1", "disk", ...
};

/// Throws a violation unless `holds`. Its text is made only then: most of a run is checks that hold.
#define TROUPE_REQUIRE(holds, invariant, ...)                             \
  do {                                                                    \
    if (!(holds)) throw ::troupe::sim::violation{invariant, __VA_ARGS__}; \
  } while (false)

/// What happened, as numbers; text only for people who ask. The hash of all of it names a run.
class trace {
 public:
  explicit trace(bool is_loud) : is_loud_(is_loud) {}

  /// @param what  a text that lives for ever
  void note(timestamp at, const char* what, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0);
  void note(timestamp at, const char* what, const model::task_id& task, model::attempt_no attempt, std::uint64_t slot);

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  /// The last lines, oldest first.
  [[nodiscard]] std::string tail() const;

 private:
  static constexpr std::size_t kept = 50;
  struct line {
    timestamp at{};
    const char* what = "";
    std::array<std::uint64_t, 3> numbers{};
    bool has_task = false;
  };
  void add(const line& one);
  [[nodiscard]] static std::string text_of(const line& one);

  bool is_loud_;
  std::uint64_t hash_ = 0xcbf29ce484222325u, count_ = 0;
  std::array<line, kept> last_;
};

}  // namespace troupe::sim
