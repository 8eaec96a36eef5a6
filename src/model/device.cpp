#include "model/device.hpp"

#include "base/size_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::model {

bytes device_guard::budget() const { return bytes{total_.count() - std::min(total_.count(), limits_.reserve.count())}; }

bytes device_guard::used_by_others(bytes held) const { return bytes{used_.count() - std::min(used_.count(), held.count())}; }

bool device_guard::is_full_of_others(bytes held) const { return used_by_others(held) > limits_.reserve; }

device_guard::news device_guard::look(const sight& what, timestamp now) {
  news out;
  is_looked_at_ = true;
  if (now >= rests_until_) rests_because_.clear();
  if (!what.lost.empty()) {
    if (!closed_because_.empty()) return out;
    closed_because_ = "it does not answer any more: " + what.lost;
    out.faults.push_back(closed_because_);
    out.has_closed = true;
    return out;
  }
  used_ = what.used;
  for (const auto xid : what.xids) {
    if (is_caused_by_programs(xid))
      out.others.push_back(xid);
    else
      out.faults.push_back(fmt::format("its driver reports Xid {}", xid));
  }
  if (what.uncorrected && uncorrected_ && *what.uncorrected > *uncorrected_)
    out.faults.push_back(fmt::format("{} more errors of its memory could not be corrected", *what.uncorrected - *uncorrected_));
  if (what.uncorrected) uncorrected_ = what.uncorrected;
  faults_.insert(faults_.end(), out.faults.size(), now);
  while (!faults_.empty() && now - faults_.front() >= limits_.faults_within) faults_.pop_front();
  if (!closed_because_.empty() || faults_.size() < limits_.faults_most) return out;
  closed_because_ = fmt::format("{} faults, the last one: {}; look at the machine, then start the node anew", faults_.size(),
                                out.faults.empty() ? "an earlier one" : out.faults.back());
  out.has_closed = true;
  return out;
}

bool device_guard::lost_to_worker(std::string_view network, std::string_view why, timestamp now) {
  lost_.emplace_back(network);
  if (lost_.size() < limits_.losses_most || !closed_because_.empty()) return false;
  const auto lost = std::exchange(lost_, {});
  const bool is_one = std::ranges::all_of(lost, [&](const auto& each) { return each == lost.front(); });
  const auto what = fmt::format("{} workers in a row lost it, the last one: {}", lost.size(), why);
  if (is_one) {
    rests_until_ = now + limits_.rest;
    rests_because_ = fmt::format("{}; all ran {}, so that may be at fault; it is tried again after {} min", what, network,
                                 std::chrono::ceil<std::chrono::minutes>(limits_.rest).count());
    return false;
  }
  closed_because_ = what + "; look at the machine, then start the node anew";
  return true;
}

std::optional<std::string> device_guard::why_not(bytes held) const {
  if (!closed_because_.empty()) return closed_because_;
  if (rests()) return rests_because_;
  if (!is_looked_at_) return "its memory was not looked at since a worker ended";
  if (!is_full_of_others(held)) return std::nullopt;
  return fmt::format("{} of its memory are in use by others than this node's workers, and {} may be (devices.reserve)",
                     rough_size(used_by_others(held)), rough_size(limits_.reserve));
}

bool is_caused_by_programs(unsigned xid) {
  constexpr unsigned graphics_exception = 13, page_fault = 31, stopped = 43, cleaned_up = 45, video_exception = 68;
  return xid == graphics_exception || xid == page_fault || xid == stopped || xid == cleaned_up || xid == video_exception;
}

}  // namespace troupe::model
