#pragma once

#include "base/digest.hpp"
#include "model/job_view.hpp"
#include "persistence/replica/storage.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>

namespace troupe::backup {

/// How many jobs there are in each state.
struct job_counts {
  std::array<std::uint64_t, 6> of{};  ///< by `model::job_state`
  [[nodiscard]] std::uint64_t total() const { return std::accumulate(of.begin(), of.end(), std::uint64_t{0}); }
  friend bool operator==(const job_counts&, const job_counts&) = default;
};

/// What stands in the state of a shard.
struct inventory {
  job_counts jobs;
  std::uint64_t keys = 0;
  timestamp log_time{};
  std::set<digest> artifacts;  ///< that its jobs name: inputs, results and what stages have handed on
};

/// Notes what is in an image, and hands it on.
class inventory_sink final : public replica::image_sink {
 public:
  /// @param into  outlives the sink
  /// @param next  gets everything too; may be null
  explicit inventory_sink(inventory& into, std::unique_ptr<replica::image_sink> next = nullptr)
      : into_(into), next_(std::move(next)) {}
  /// @returns `errc::corrupt` for records that nobody wrote
  result<void> add(std::string_view key, std::string_view value) override;
  [[nodiscard]] result<std::string> finish() override;

 private:
  inventory& into_;
  std::unique_ptr<replica::image_sink> next_;
};

}  // namespace troupe::backup
