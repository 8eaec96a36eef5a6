#include "model/ids.hpp"

#include "base/digest.hpp"

#include <fmt/format.h>

#include <charconv>

namespace troupe::model {

job_id job_id::make(bucket_no bucket, std::uint64_t random) noexcept {
  return job_id{(std::uint64_t{bucket.raw()} << 52) | (random & ((std::uint64_t{1} << 52) - 1))};
}

std::optional<job_id> job_id::from_text(std::string_view text) noexcept {
  if (text.size() != 16) return std::nullopt;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  }
  std::uint64_t raw = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), raw, 16);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return job_id{raw};
}

std::string job_id::text() const { return fmt::format("{:016x}", raw_); }

bucket_no bucket_of(std::string_view tenant, std::string_view idempotency_key) {
  sha256 hash;
  hash.update(tenant);
  hash.update(std::string_view{"\0", 1});
  hash.update(idempotency_key);
  const auto raw = hash.finish().raw();
  return bucket_no{static_cast<std::uint16_t>((raw[0] << 8 | raw[1]) % bucket_count)};
}

std::string to_string(const task_id& task) { return fmt::format("{}/{}/{}", task.job.text(), task.stage, task.instance); }

std::string to_string(const slot_id& slot) { return fmt::format("{:016x}.{}.{}", slot.node.raw(), slot.boot.raw(), slot.index); }

}  // namespace troupe::model
