#pragma once

#include "http/bridge.hpp"
#include "http/exchange.hpp"

#include <caf/actor_cast.hpp>
#include <caf/response_type.hpp>
#include <caf/typed_actor.hpp>

#include <type_traits>

namespace troupe::http {
namespace detail {

template <class T>
struct answer_of {
  using value = T;
  static result<T> unwrap(T&& answer) { return std::move(answer); }
};
template <class T>
struct answer_of<result<T>> {
  using value = T;
  static result<T> unwrap(result<T>&& answer) { return std::move(answer); }
};
template <class Handle, class Message>
using reply_of = caf::detail::tl_head_t<caf::response_type_t<typename Handle::signatures, Message>>;
template <class Handle, class Message>
using value_of = typename answer_of<reply_of<Handle, Message>>::value;

}  // namespace detail

/// Asks an actor and waits for its answer. Exactly one of these ends it, on the loop's thread: the answer, the limit
/// (`errc::timed_out`), the client leaving (`errc::stopping`; nobody will read it), the actor's end (`errc::stopping`).
template <class Handle, class Message>
awaitable<result<detail::value_of<Handle, Message>>> ask(exchange& x, const Handle& to, Message message, duration limit) {
  using reply = detail::reply_of<Handle, Message>;
  bridge::pending slot;
  slot.notify = [&x] { x.notify(); };
  const auto until = std::chrono::steady_clock::now() + limit;
  const auto receiver = caf::actor_cast<caf::strong_actor_ptr>(to);
  const auto id = x.actors().send(receiver, caf::make_message(std::move(message)), slot);
  while (!slot.has_answer && !x.has_left() && std::chrono::steady_clock::now() < until) co_await x.wait(until);
  if (!slot.has_answer) {
    x.actors().forget(id);
    if (x.has_left()) co_return error{errc::stopping, "the client has left"};
    co_return error{errc::timed_out, "the node did not answer in time; whether the request took effect is unknown"};
  }
  if (slot.answer.template match_elements<reply>()) {
    co_return detail::answer_of<reply>::unwrap(std::move(slot.answer.template get_mutable_as<reply>(0)));
  }
  if (slot.answer.template match_elements<caf::error>()) co_return error_from(slot.answer.template get_as<caf::error>(0));
  co_return error{errc::internal, "an actor answered something else than it declares"};
}

}  // namespace troupe::http
