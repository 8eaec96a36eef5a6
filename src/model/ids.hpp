#pragma once

#include "base/error.hpp"
#include "base/strong_id.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::model {

/// A node's identity for life, kept in its data directory.
using node_id = strong_id<struct node_tag>;
/// Which start of a node: grows by one at each start. (node, incarnation) never comes back.
using incarnation = strong_id<struct incarnation_tag>;
/// One of the hash ranges of jobs, 0..4095.
using bucket_no = strong_id<struct bucket_tag, std::uint16_t>;
inline constexpr std::uint16_t bucket_count = 4096;
/// A Raft group of the cluster, which owns buckets: 0 is the first one.
using shard_no = strong_id<struct shard_tag, std::uint32_t>;

/// A job's id. The upper 12 bits are its bucket, the other 52 are random. Text: 16 lower-case hexadecimal digits.
class job_id {
 public:
  constexpr job_id() = default;
  constexpr explicit job_id(std::uint64_t raw) noexcept : raw_(raw) {}
  /// @param random  any 64 bits; the upper 12 are dropped.
  [[nodiscard]] static job_id make(bucket_no bucket, std::uint64_t random) noexcept;
  [[nodiscard]] static std::optional<job_id> from_text(std::string_view text) noexcept;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bucket_no bucket() const noexcept { return bucket_no{static_cast<std::uint16_t>(raw_ >> 52)}; }
  [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }
  friend constexpr auto operator<=>(job_id, job_id) = default;

 private:
  std::uint64_t raw_ = 0;
};

/// The bucket of a submission with an idempotency key: the same key always meets the same shard.
[[nodiscard]] bucket_no bucket_of(std::string_view tenant, std::string_view idempotency_key);

/// Which try of a task, from 1. It is committed before the try starts and is the fencing token of its result.
using attempt_no = strong_id<struct attempt_tag, std::uint32_t>;

/// One stage of one job; with `for_each`, one element of it.
struct task_id {
  job_id job;
  std::uint16_t stage = 0;     ///< index into the pipeline's stages
  std::uint16_t instance = 0;  ///< index of the `for_each` element; 0 otherwise
  friend auto operator<=>(const task_id&, const task_id&) = default;
};

/// A place where one task runs. Its name holds the incarnation: a slot does not survive its process.
struct slot_id {
  node_id node;
  incarnation boot;
  std::uint16_t index = 0;
  friend auto operator<=>(const slot_id&, const slot_id&) = default;
};

[[nodiscard]] std::string to_string(const task_id& task);
[[nodiscard]] std::string to_string(const slot_id& slot);

}  // namespace troupe::model

template <>
struct std::hash<troupe::model::job_id> {
  std::size_t operator()(troupe::model::job_id id) const noexcept { return std::hash<std::uint64_t>{}(id.raw()); }
};
template <>
struct std::hash<troupe::model::task_id> {
  std::size_t operator()(const troupe::model::task_id& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.job.raw() * 31 + id.stage * 65537u + id.instance);
  }
};
