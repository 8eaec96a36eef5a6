#include "http/event_buffer.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace troupe::http {
namespace {

/// What an event costs in memory, roughly: a value of JSON is a few times its text.
std::size_t size_of(const actors::live_event& event) {
  if (const auto* progress = std::get_if<model::progress_event>(&event)) return 256 + progress->progress.message.size();
  return 256 + boost::json::serialize(std::get<model::job_event>(event).data).size();
}

bool is_progress(const actors::live_event& event) { return std::holds_alternative<model::progress_event>(event); }

}  // namespace

void event_buffer::push(const std::shared_ptr<const actors::live_event>& event) {
  const bool progress = is_progress(*event);
  if (progress && !limits_.with_progress) return;
  const auto size = size_of(*event);
  const std::lock_guard lock{mutex_};
  if (is_closed_) return;
  const auto is_full = [&] { return contents_.events.size() >= limits_.events || size_ + size > limits_.size.count(); };
  const bool was_empty = contents_.events.empty() && !contents_.lost;
  if (progress && is_full()) {
    ++contents_.progress_dropped;
    return;
  }
  if (is_full()) drop_progress();
  if (is_full() || contents_.lost) {
    drop_all();
  } else {
    contents_.events.push_back(event);
    size_ += size;
  }
  if (was_empty && notify_) notify_();
}

void event_buffer::drop_progress() {
  const auto before = contents_.events.size();
  std::erase_if(contents_.events, [](const auto& event) { return is_progress(*event); });
  contents_.progress_dropped += before - contents_.events.size();
  size_ = 0;
  for (const auto& event : contents_.events) size_ += size_of(*event);
}

void event_buffer::drop_all() {
  contents_.events.clear();
  contents_.lost = true;
  size_ = 0;
}

event_buffer::contents event_buffer::take() {
  const std::lock_guard lock{mutex_};
  size_ = 0;
  return std::exchange(contents_, {});
}

bool event_buffer::has_news() const {
  const std::lock_guard lock{mutex_};
  return !contents_.events.empty() || contents_.lost;
}

void event_buffer::close() {
  const std::lock_guard lock{mutex_};
  is_closed_ = true;
  notify_ = nullptr;
  contents_ = {};
}

}  // namespace troupe::http
