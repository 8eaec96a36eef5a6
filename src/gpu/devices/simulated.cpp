#include "gpu/devices/simulated.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <utility>

namespace troupe::gpu {

namespace {

constexpr std::size_t lines_most = 64;

class simulated_source : public device_source {
 public:
  simulated_source(std::vector<simulated_device> devices, std::filesystem::path directory,
                   std::function<simulated_load(unsigned)> load)
      : devices_(std::move(devices)), directory_(std::move(directory)), load_(std::move(load)), last_xid_(devices_.size()) {}

  [[nodiscard]] result<unsigned> count() const override { return static_cast<unsigned>(devices_.size()); }

  [[nodiscard]] result<device_reading> read(unsigned index) override {
    if (index >= devices_.size()) return error{errc::not_found, fmt::format("there is no simulated device {}", index)};
    const auto& one = devices_[index];
    const auto state = read_simulated_state(directory_ / one.name);
    if (state.contains("lost")) return error{errc::process_failed, "it is said to be lost"};
    const auto number = [&](const char* key) -> std::optional<std::uint64_t> {
      const auto found = state.find(key);
      std::uint64_t value = 0;
      if (found == state.end()) return std::nullopt;
      const auto& text = found->second;
      if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return std::nullopt;
      return value;
    };
    device_reading made;
    made.name = "simulated " + one.name;
    made.uuid = "SIM-" + one.name;
    made.memory_total = one.memory;
    const auto load = load_(index);
    made.memory_used = std::min(one.memory, number("used").value_or(0) + load.held);
    made.busy_percent = static_cast<unsigned>(std::min<std::uint64_t>(number("busy").value_or(load.is_at_work ? 100 : 0), 100));
    made.temperature_celsius = static_cast<unsigned>(number("temperature").value_or(40));
    made.power_watts = static_cast<double>(number("power").value_or(100));
    made.errors_corrected = 0;
    made.errors_uncorrected = number("uncorrected").value_or(0);
    const auto xid = state.find("xid");
    const auto line = xid == state.end() ? std::string{} : xid->second;
    if (std::exchange(last_xid_[index], line) != line && number("xid"))
      made.xids.push_back(static_cast<unsigned>(*number("xid")));
    return made;
  }

 private:
  std::vector<simulated_device> devices_;
  std::filesystem::path directory_;
  std::function<simulated_load(unsigned)> load_;
  std::vector<std::string> last_xid_;
};

}  // namespace

std::map<std::string, std::string> read_simulated_state(const std::filesystem::path& file) {
  std::map<std::string, std::string> state;
  std::ifstream text{file};
  for (std::string line; state.size() < lines_most && std::getline(text, line);) {
    const auto space = line.find(' ');
    if (!line.empty()) state.insert_or_assign(line.substr(0, space), space == std::string::npos ? "" : line.substr(space + 1));
  }
  return state;
}

std::unique_ptr<device_source> make_simulated_source(std::vector<simulated_device> devices, std::filesystem::path directory,
                                                     std::function<simulated_load(unsigned)> load) {
  return std::make_unique<simulated_source>(std::move(devices), std::move(directory), std::move(load));
}

}  // namespace troupe::gpu
