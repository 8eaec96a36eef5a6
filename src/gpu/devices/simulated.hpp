#pragma once

#include "gpu/devices/device_source.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>

// Devices that are not there, for tests and for trying out what a node does with several of them.
namespace troupe::gpu {

struct simulated_device {
  std::string name;  ///< its UUID is "SIM-" and this
  std::uint64_t memory = 0;
};

/// What this node's workers do with one.
struct simulated_load {
  std::uint64_t held = 0;  ///< bytes of its memory
  bool is_at_work = false;
};

/// What happens to a device stands in a file of its name, if there is one, a line each:
///
///     used 600000000     bytes that others have of it
///     temperature 91     in degrees Celsius; likewise: power (watts), busy (percent), uncorrected (errors of memory)
///     xid 79 again       an error of the driver; each change of the line is one more
///     lost               it has fallen off its bus
///     network lost       its context is gone for the process that runs a network
///     network full       it has no memory for a network
[[nodiscard]] std::map<std::string, std::string> read_simulated_state(const std::filesystem::path& file);

/// @param directory  where the files are
/// @param load       of a device, by its index
[[nodiscard]] std::unique_ptr<device_source> make_simulated_source(std::vector<simulated_device> devices,
                                                                   std::filesystem::path directory,
                                                                   std::function<simulated_load(unsigned)> load);

}  // namespace troupe::gpu
