#pragma once

#include "base/digest.hpp"
#include "model/job_view.hpp"
#include "persistence/replica/storage.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <numeric>
#include <set>

namespace troupe::backup {

/// How many jobs there are in each state.
struct job_counts {
  std::array<std::uint64_t, 6> of{};  ///< by `model::job_state`
  [[nodiscard]] std::uint64_t total() const { return std::accumulate(of.begin(), of.end(), std::uint64_t{0}); }
  void add(const job_counts& more) {
    for (std::size_t i = 0; i < of.size(); ++i) of[i] += more.of[i];
  }
  friend bool operator==(const job_counts&, const job_counts&) = default;
};

/// What stands in the state of a shard.
struct inventory {
  job_counts jobs;
  std::uint64_t keys = 0;
  timestamp log_time{};
  std::set<digest> artifacts;  ///< that jobs and pipelines name: inputs, results, and what stages of open jobs have handed on
};

/// Notes what is in an image whose bytes are known to be those that were written: it believes what is in a record.
class inventory_sink final : public replica::image_sink {
 public:
  /// @param into  outlives the sink
  explicit inventory_sink(inventory& into) : into_(into) {}
  result<void> add(std::string_view key, std::string_view value) override;
  [[nodiscard]] result<std::string> finish() override { return std::string{}; }

 private:
  inventory& into_;
};

struct image_content {
  replica::log_position position;
  inventory content;
};
/// What stands in the file of an image whose checksum was looked at before. @param done  is told how many bytes have been read
[[nodiscard]] result<image_content> content_of(const std::filesystem::path& image,
                                               const std::function<void(std::uint64_t)>& done);

}  // namespace troupe::backup
