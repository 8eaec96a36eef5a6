#pragma once

#include "model/ports/slot_host.hpp"
#include "sim/random.hpp"

#include <cstdint>
#include <optional>

namespace troupe::sim {

class world;
class life;

/// A process tree behind a slot, as `ports/slot_host.hpp` promises it: whatever happens, its end is told once, and last.
class worker {
 public:
  worker(world& in, life& of, model::slot_id slot) : in_(in), of_(of), slot_(slot) {}
  ~worker();

  void start();
  void run(const model::task_spec& task);
  void stop();
  void kill();

  [[nodiscard]] bool is_alive() const noexcept { return is_alive_; }
  [[nodiscard]] bool is_idle() const noexcept { return is_alive_ && is_ready_ && !task_; }

 private:
  /// How an attempt goes.
  enum class manner : std::uint8_t { done, done_twice, done_and_dies, fails, refuses, crashes, hangs, is_slow };
  [[nodiscard]] manner draw_manner(const model::task_spec& task);
  void be_born();
  void show_progress(std::uint64_t number, std::uint32_t permille);
  void end_attempt(manner how);
  void finish_done(manner how);
  void say(model::ports::worker_event what);
  void die(const char* how);
  /// Unless this process is gone by then.
  void later(duration wait, std::function<void()> what);
  [[nodiscard]] bool is_ill() const;

  world& in_;
  life& of_;
  model::slot_id slot_;
  std::uint64_t process_ = 0;  // which one
  std::uint64_t runs_ = 0;
  bool is_alive_ = false, is_ready_ = false, is_killed_ = false;
  std::optional<model::task_spec> task_;
};

}  // namespace troupe::sim
