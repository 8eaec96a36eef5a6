#pragma once

#include "model/ports/slot_host.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::test {

/// A slot host without processes: each worker is a thread that lives as long as its handle, and tasks end as `behave` says.
class fake_slot_host final : public model::ports::slot_host {
 public:
  using behaviour = std::function<model::ports::worker_event(const model::task_spec&)>;
  explicit fake_slot_host(behaviour behave) : behave_(std::move(behave)) {}

  result<std::unique_ptr<model::ports::worker_handle>> start(std::uint16_t,
                                                             std::function<void(model::ports::worker_event)> on_event) override {
    return std::unique_ptr<model::ports::worker_handle>{new worker{behave_, std::move(on_event)}};
  }

 private:
  class worker final : public model::ports::worker_handle {
   public:
    worker(behaviour behave, std::function<void(model::ports::worker_event)> on_event)
        : behave_(std::move(behave)), tell_(std::move(on_event)) {
      tell_(model::ports::worker_ready{});
    }
    void run(const model::task_spec& task) override { tell_(behave_(task)); }
    void stop() override { end("stopped"); }
    void kill() override { end("killed"); }

   private:
    void end(const char* how) { tell_(model::ports::worker_exited{how, std::nullopt}); }
    behaviour behave_;
    std::function<void(model::ports::worker_event)> tell_;
  };
  behaviour behave_;
};

}  // namespace troupe::test
