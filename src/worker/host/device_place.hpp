#pragma once

#include "model/ids.hpp"
#include "worker/host/memory_desk.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::worker {

/// Who knows how a device is. Any thread.
class device_gate {
 public:
  virtual ~device_gate() = default;
  /// Why no worker may start on it now, for people; nothing: one may.
  [[nodiscard]] virtual std::optional<std::string> why_not() = 0;
  /// A worker has started. @param end ends it, with a reason for people; called under a lock: must be quick and not come back
  virtual void enter(std::uint16_t slot, std::function<void(const std::string&)> end) = 0;
  /// All processes of the slot's worker are gone. Its `end` is not called any more when this returns.
  virtual void leave(std::uint16_t slot) = 0;
  /// The slot's worker says that the device is lost to it.
  /// @param network  that it ran; empty: a program
  virtual void lost_to(std::uint16_t slot, std::string_view network, std::string_view why) = 0;
  /// A network has run there to its end.
  virtual void worked() = 0;
  /// The task's worker found no memory there. Looks at it anew, which may take some time.
  /// @returns whether others than this node's workers have what these count on. If that is found for a task again and again it is
  /// false: CUDA's own needs are beyond the reserve, and the task would come back for ever
  [[nodiscard]] virtual bool is_full_of_others(const model::task_id& task) = 0;
};

/// What the workers of some slots run on, in place of the processors.
struct device_place {
  std::string name;                      ///< for people
  std::string model;                     ///< devices of one model need the same memory for a network
  std::filesystem::path program;         ///< absolute
  std::vector<std::string> environment;  ///< "NAME=value", beside that of all workers
  std::shared_ptr<memory_desk> memory;   ///< of the device; what its slots share
  std::shared_ptr<device_gate> gate;
};

}  // namespace troupe::worker
