#include "http/bridge.hpp"

#include "actors/party.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/sec.hpp>

#include <fmt/format.h>

namespace troupe::http {

/// Where answers wait for the loop. Actors may outlive the bridge and still answer: the inbox is then closed.
struct bridge::inbox {
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, caf::message>> answers;
  std::function<void()> wake;
  std::shared_ptr<actors::actor_roll::entry> stands;

  void put(const caf::mailbox_element& element) {
    if (!element.mid.is_response()) return;
    if (stands) stands->received_from(actors::who_speaks());
    const std::lock_guard lock{mutex};
    if (!wake) return;
    answers.emplace_back(element.mid.request_id().integer_value(), element.payload);
    if (answers.size() == 1) wake();
  }
};

bridge::bridge(caf::actor_system& system, std::function<void()> wake, std::function<void()> run_soon,
               actors::lent_thread::sleep_rules rules, std::shared_ptr<actors::actor_roll::entry> stands)
    : inbox_(std::make_shared<inbox>()), thread_(system, std::move(run_soon), when_alone(std::move(rules))) {
  inbox_->wake = std::move(wake);
  inbox_->stands = std::move(stands);
  const auto handle = system.spawn<caf::actor_companion, caf::hidden>();
  companion_ = caf::actor_cast<caf::strong_actor_ptr>(handle);
  auto put = [to = inbox_](caf::mailbox_element_ptr element) { to->put(*element); };
  caf::actor_cast<caf::actor_companion*>(companion_)->on_enqueue(put);
}

bridge::~bridge() {
  const std::lock_guard lock{inbox_->mutex};
  inbox_->wake = nullptr;
  inbox_->answers.clear();
}

actors::lent_thread::sleep_rules bridge::when_alone(actors::lent_thread::sleep_rules rules) const {
  rules.may = [this, may = std::move(rules.may)] { return pending_.size() <= 1 && may(); };
  return rules;
}

std::uint64_t bridge::send(const caf::strong_actor_ptr& receiver, caf::message what, pending& to) {
  const auto id = next_++;
  pending_.emplace(id, &to);
  const actors::speaking_as http{actors::party::http};
  thread_.send(receiver, caf::make_mailbox_element(companion_, caf::make_message_id(id), {}, std::move(what)));
  return id;
}

void bridge::forget(std::uint64_t request) { pending_.erase(request); }

void bridge::hand_out() {
  arrived_.clear();
  {
    const std::lock_guard lock{inbox_->mutex};
    arrived_.swap(inbox_->answers);
  }
  for (auto& [id, answer] : arrived_) {
    const auto at = pending_.find(id);
    if (at == pending_.end()) continue;
    auto& to = *at->second;
    pending_.erase(at);
    to.answer = std::move(answer);
    to.has_answer = true;
    to.notify();
  }
}

error error_from(const caf::error& why) {
  if (why == caf::sec::request_timeout) return error{errc::timed_out, "the node did not answer in time"};
  const bool is_gone = why == caf::sec::request_receiver_down || why == caf::sec::broken_promise
                       || why.category() == caf::type_id_v<caf::exit_reason>;
  if (is_gone) return error{errc::stopping, "the node is shutting down"};
  return error{errc::internal, fmt::format("an actor failed: {}", caf::to_string(why))};
}

}  // namespace troupe::http
