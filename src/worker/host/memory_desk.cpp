#include "worker/host/memory_desk.hpp"

namespace troupe::worker {

void memory_desk::enter(std::uint16_t slot, ear tell) {
  const std::lock_guard lock{mutex_};
  ears_.insert_or_assign(slot, std::move(tell));
}

void memory_desk::leave(std::uint16_t slot) {
  const std::lock_guard lock{mutex_};
  ears_.erase(slot);
  ledger_.gone(slot);
  tell();
}

model::memory_ledger::figures memory_desk::now() const {
  const std::lock_guard lock{mutex_};
  return ledger_.now();
}

void memory_desk::tell() {
  const auto news = ledger_.take_news();
  const auto say = [this](const std::vector<std::uint16_t>& slots, word what) {
    for (const auto slot : slots)
      if (const auto found = ears_.find(slot); found != ears_.end()) found->second(what);
  };
  say(news.granted, word::granted);
  say(news.drop, word::drop);
}

}  // namespace troupe::worker
