#include "base/machine_load.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace troupe {
namespace {

/// "MemTotal:       16384 kB"
std::optional<bytes> kibibytes_of(std::string_view meminfo, std::string_view name) {
  const auto at = meminfo.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  std::istringstream rest{std::string{meminfo.substr(at + name.size(), 40)}};
  std::uint64_t count = 0;
  if (!(rest >> count)) return std::nullopt;
  return bytes{count << 10};
}

std::string text_of(const char* path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

std::optional<machine_load> machine_load_from(std::string_view stat, std::string_view meminfo) {
  // cpu  user nice system idle iowait irq softirq steal ...; what guests use is in user already
  std::istringstream words{std::string{stat.substr(0, stat.find('\n'))}};
  std::string name;
  std::array<std::uint64_t, 8> ticks{};
  words >> name;
  for (auto& each : ticks) words >> each;
  const auto all = kibibytes_of(meminfo, "MemTotal:"), free = kibibytes_of(meminfo, "MemAvailable:");
  if (!words || name != "cpu" || !all || !free || *free > *all) return std::nullopt;
  machine_load load;
  for (const auto each : ticks) load.all_ticks += each;
  load.busy_ticks = load.all_ticks - ticks[3] - ticks[4];
  load.memory_all = *all;
  load.memory_used = bytes{all->count() - free->count()};
  return load;
}

result<machine_load> read_machine_load() {
  if (const auto load = machine_load_from(text_of("/proc/stat"), text_of("/proc/meminfo"))) return *load;
  return error{errc::io_failed, "/proc/stat or /proc/meminfo is not as documented"};
}

}  // namespace troupe
