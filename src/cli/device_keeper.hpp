#pragma once

#include "actors/node.hpp"
#include "base/clock.hpp"
#include "cli/config.hpp"
#include "gpu/devices/device_source.hpp"
#include "model/device.hpp"
#include "worker/host/device_place.hpp"
#include "worker/host/host.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::cli {

/// The devices of this node: a thread reads them, and says who may start there. Any thread.
class device_keeper {
 public:
  /// Finds the devices, and reads each once. There may be none.
  /// @returns `errc::bad_request` for simulated devices that cannot be.
  [[nodiscard]] static result<std::unique_ptr<device_keeper>> find(const node_config& config);
  ~device_keeper();

  [[nodiscard]] std::vector<model::device_view> views() const;
  /// The mean over those that say how busy they are, in percent.
  [[nodiscard]] std::optional<double> use() const;
  /// Adds the slots of the devices behind those that are there. @param to  outlived by this
  void add_slots(actors::node_options& to) const;
  void add_slots(std::uint16_t first, worker::host_options& to) const;

 private:
  class device;
  device_keeper(const node_config& config, std::unique_ptr<gpu::device_source> source);
  result<void> open(const node_config& config, unsigned index, const std::string& why_unused);
  void run();
  [[nodiscard]] bool are_all_closed() const;

  const duration every_;
  const std::uint32_t slots_each_;
  steady_wall_clock clock_;
  std::mutex source_mutex_;   // of reading; taken before the other one
  mutable std::mutex mutex_;  // of what is known
  std::condition_variable changed_;
  bool is_stopping_ = false, is_hasty_ = false;
  std::unique_ptr<gpu::device_source> source_;
  std::vector<std::shared_ptr<device>> devices_;
  std::vector<std::shared_ptr<worker::device_place>> places_;  ///< of the devices; null: it has no slots
  std::thread thread_;
};

}  // namespace troupe::cli
