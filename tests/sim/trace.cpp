#include "sim/trace.hpp"

#include <fmt/format.h>

#include <string_view>

namespace troupe::sim {

void trace::note(timestamp at, const char* what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  add({at, what, {a, b, c}, false});
}

void trace::note(timestamp at, const char* what, const model::task_id& task, model::attempt_no attempt, std::uint64_t slot) {
  const auto place = std::uint64_t{task.stage} << 48 | std::uint64_t{task.instance} << 32 | attempt.raw();
  add({at, what, {task.job.raw(), place, slot}, true});
}

void trace::add(const line& one) {
  const auto mix = [this](std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3u ^ hash_ >> 29; };
  mix(static_cast<std::uint64_t>(to_unix_ms(one.at)));
  for (const char letter : std::string_view{one.what}) mix(static_cast<std::uint8_t>(letter));
  for (const auto number : one.numbers) mix(number);
  last_[count_++ % kept] = one;
  if (is_loud_) fmt::print("{}\n", text_of(one));
}

std::string trace::text_of(const line& one) {
  const auto ms = to_unix_ms(one.at) - 1'700'000'000'000;
  if (!one.has_task) return fmt::format("{:>9} {:<28} {} {} {}", ms, one.what, one.numbers[0], one.numbers[1], one.numbers[2]);
  const auto place = one.numbers[1];
  return fmt::format("{:>9} {:<28} {:016x}/{}/{} attempt {} slot {}", ms, one.what, one.numbers[0], place >> 48,
                     place >> 32 & 0xffff, place & 0xffffffff, one.numbers[2]);
}

std::string trace::tail() const {
  std::string text;
  for (auto i = count_ > kept ? count_ - kept : 0; i < count_; ++i) text += text_of(last_[i % kept]) + "\n";
  return text;
}

}  // namespace troupe::sim
