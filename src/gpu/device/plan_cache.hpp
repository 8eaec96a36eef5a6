#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

/// What was fastest on a device, kept from one process to the next.
namespace troupe::gpu::device {

/// An engine of a library and how its knobs are set.
struct plan_choice {
  struct knob {
    std::int64_t type = 0, value = 0;
    friend bool operator==(const knob&, const knob&) = default;
  };
  std::int64_t engine = 0;
  std::vector<knob> knobs;
  friend bool operator==(const plan_choice&, const plan_choice&) = default;
};

/// Choices by what they are for. On disk: one line each, `key <tab> engine[ type=value]... <tab> FNV-1a of the two`, below a
/// first line that names the format and the owner: device and version of the library. Another owner's file, and damaged lines,
/// are as if they were not there.
class plan_cache {
 public:
  /// As many are kept; more are not added. A network has some hundred at most.
  static constexpr std::size_t choices_most = 100'000;

  /// @param owner names device and library; without line breaks.
  explicit plan_cache(std::string owner) : owner_(std::move(owner)) {}

  [[nodiscard]] std::optional<plan_choice> find(std::string_view key) const;
  void add(std::string_view key, const plan_choice& choice);
  /// That choice does not work here.
  void remove(std::string_view key);
  [[nodiscard]] std::size_t size() const noexcept { return choices_.size(); }

  [[nodiscard]] std::string text() const;
  /// Adds what is right in a text. @returns how many lines were not.
  std::size_t read(std::string_view text);

  /// A file that is not there is an empty one.
  result<void> load(const std::filesystem::path& file);
  /// Whole or not at all: another process may read and write it at the same time; the last one wins.
  [[nodiscard]] result<void> save(const std::filesystem::path& file) const;

 private:
  std::string owner_;
  std::map<std::string, plan_choice, std::less<>> choices_;
};

}  // namespace troupe::gpu::device
