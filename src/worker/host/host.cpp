#include "worker/host/host.hpp"

#include "base/log.hpp"
#include "worker/host/process_tree.hpp"
#include "worker/host/scratch.hpp"
#include "worker/host/spawn.hpp"
#include "worker/host/supervisor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace troupe::worker {
namespace {

namespace fs = std::filesystem;
namespace ports = model::ports;

class process_slot_host : public ports::slot_host {
 public:
  process_slot_host(std::shared_ptr<const supervisor_setting> setting,
                    std::map<std::uint16_t, std::shared_ptr<const supervisor_setting>> on_devices)
      : setting_(std::move(setting)), on_devices_(std::move(on_devices)) {}
  result<std::unique_ptr<ports::worker_handle>> start(std::uint16_t slot_index,
                                                      std::function<void(ports::worker_event)> on_event) override {
    const auto name = fmt::format("slot-{}-{}", slot_index, next_.fetch_add(1));
    const auto found = on_devices_.find(slot_index);
    const auto& setting = found == on_devices_.end() ? setting_ : found->second;
    if (setting->place) {
      if (auto why = setting->place->gate->why_not()) return error{errc::queue_full, std::move(*why), look_again};
    }
    return supervisor::start(setting, slot_index, setting->options.scratch_root / name, std::move(on_event));
  }

 private:
  static constexpr auto look_again = std::chrono::milliseconds{250};

  std::shared_ptr<const supervisor_setting> setting_;
  std::map<std::uint16_t, std::shared_ptr<const supervisor_setting>> on_devices_;
  std::atomic<std::uint64_t> next_{1};
};

/// Ends what runs and removes what lies below the scratch root since an earlier run.
result<fs::path> cleared(const fs::path& scratch_root) {
  std::error_code failure;
  fs::create_directories(scratch_root, failure);
  const auto root = failure ? fs::path{} : fs::canonical(scratch_root, failure);
  if (failure) return error{errc::io_failed, fmt::format("scratch root {}: {}", scratch_root.native(), failure.message())};
  if (const auto left = processes_in_scope(root.native() + "/"); !left.empty()) {
    log::warn("worker_leftovers", "scope={} processes={}", root.native(), left.size());
    if (!kill_scope(root.native() + "/"))
      return error{errc::io_failed,
                   fmt::format("processes of an earlier run in {} cannot be killed; end them by hand", root.native())};
  }
  for (fs::directory_iterator entry{root, failure}, end; !failure && entry != end; entry.increment(failure)) {
    if (entry->path().filename().native().starts_with("slot-")) remove_tree(entry->path());
  }
  return root;
}

std::vector<std::string> environment_of(const host_options& options) {
  std::vector<std::string> environment;
  for (const auto& [name, fallback] : {std::pair{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/"}, {"LANG", "C.UTF-8"}}) {
    const char* const value = std::getenv(name);
    environment.push_back(fmt::format("{}={}", name, value != nullptr ? value : fallback));
  }
  for (const char* const name :
       {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {  // a sanitized node has sanitized workers
    if (const char* const value = std::getenv(name)) environment.push_back(fmt::format("{}={}", name, value));
  }
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  return environment;
}

std::shared_ptr<const supervisor_setting> setting_on(const std::shared_ptr<const device_place>& place,
                                                     const supervisor_setting& plain) {
  auto setting = plain;
  setting.options.program = place->program;
  setting.options.networks_on = place->model;
  for (const auto& entry : place->environment) {
    const auto name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(setting.environment, [&](const auto& other) { return other.starts_with(name); });
    setting.environment.push_back(entry);
  }
  setting.memory = place->memory;
  setting.place = place;
  return std::make_shared<const supervisor_setting>(std::move(setting));
}

}  // namespace

result<std::unique_ptr<ports::slot_host>> make_slot_host(host_options options, ports::artifact_store& store) {
  if (!options.program.is_absolute() || ::access(options.program.c_str(), X_OK) != 0)
    return error{errc::bad_request,
                 fmt::format("worker program {}: not an absolute path of an executable file; troupe-worker lies beside troupe",
                             options.program.native())};
  TROUPE_TRY(options.scratch_root, cleared(options.scratch_root));
  const auto allowed = options.keep_together == isolation::process_group ? namespaces::none : allowed_namespaces();
  if (options.keep_together == isolation::pid_namespace && allowed == namespaces::none)
    return error{errc::bad_request, "worker isolation pid_namespace: this machine allows no PID namespaces; set it to automatic"};
  log::info("worker_isolation", "kind={}",
            allowed == namespaces::none  ? "process_group"
            : allowed == namespaces::pid ? "pid_namespace"
                                         : "user_and_pid_namespace");
  auto environment = environment_of(options);
  auto memory =
      options.memory ? options.memory : std::make_shared<memory_desk>(bytes{std::numeric_limits<std::uint64_t>::max() / 2});
  const supervisor_setting setting{std::move(options), allowed, std::move(environment), store, std::move(memory)};
  std::map<std::uint16_t, std::shared_ptr<const supervisor_setting>> on_devices;
  for (const auto& [slot, place] : setting.options.on_devices) on_devices.emplace(slot, setting_on(place, setting));
  auto plain = setting;
  // A program that finds a device would take of it what nobody has given it.
  if (!on_devices.empty()) plain.environment.emplace_back("CUDA_VISIBLE_DEVICES=");
  return std::unique_ptr<ports::slot_host>{
      std::make_unique<process_slot_host>(std::make_shared<const supervisor_setting>(std::move(plain)), std::move(on_devices))};
}

}  // namespace troupe::worker
