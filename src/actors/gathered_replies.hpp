#pragma once

#include "actors/messages.hpp"

#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The answer to a `submit_batch` while replies to its jobs arrive, in any order. Delivered with the last of them.
class gathered_replies {
 public:
  /// @param jobs  at least one
  gathered_replies(caf::typed_response_promise<batch_reply> promise, std::size_t jobs)
      : promise_(std::move(promise)), missing_(jobs) {
    gathered_.replies.resize(jobs);
  }

  /// @param place  of the job in the batch; each once
  void put(std::size_t place, submit_reply reply) {
    gathered_.replies[place] = std::move(reply);
    if (--missing_ == 0) promise_.deliver(std::move(gathered_));
  }
  [[nodiscard]] const caf::typed_response_promise<batch_reply>& promise() const noexcept { return promise_; }

 private:
  caf::typed_response_promise<batch_reply> promise_;
  batch_reply gathered_;
  std::size_t missing_;
};

}  // namespace troupe::actors
