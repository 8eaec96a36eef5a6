#include "media/progress_meter.hpp"

#include <algorithm>
#include <utility>

namespace troupe::media::detail {

namespace {
using namespace std::chrono_literals;
constexpr std::uint64_t frames_between = 50;
constexpr auto time_between = 250ms;
}  // namespace

progress_meter::progress_meter(progress_fn report, std::uint64_t total) : report_(std::move(report)), total_(total) {}

void progress_meter::at(std::uint64_t done) {
  done_ = std::max(done_, done);
  const auto now = std::chrono::steady_clock::now();
  if (last_at_ && done_ - last_done_ < frames_between && now - *last_at_ < time_between) return;
  last_at_ = now;
  // 1000 is kept for the finished file: an encoder still holds frames when the last one was handed to it.
  send(total_ == 0 ? 0 : static_cast<std::uint32_t>(std::min<std::uint64_t>(999, done_ * 1000 / total_)));
}

void progress_meter::finish() {
  total_ = done_ = std::max<std::uint64_t>(done_, 1);
  send(1000);
}

void progress_meter::send(std::uint32_t permille) {
  last_done_ = done_;
  if (report_) report_({.permille = permille, .frames_done = done_, .frames_total = std::max(total_, done_)});
}

}  // namespace troupe::media::detail
