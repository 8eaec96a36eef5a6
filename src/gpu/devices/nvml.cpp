#include "gpu/devices/nvml.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <map>

namespace troupe::gpu {

namespace {

// From NVIDIA's "NVML API Reference": names, numbers and structures of version 2 of the interface, which do not change.
using status = int;
constexpr status success = 0;
constexpr status invalid_argument = 2;
constexpr status driver_not_loaded = 9;
constexpr status gpu_is_lost = 15;
constexpr int temperature_of_gpu = 0;
constexpr int error_corrected = 0, error_uncorrected = 1;
constexpr int since_driver_load = 0;
constexpr unsigned long long xid_event = 0x8;  // nvmlEventTypeXidCriticalError
constexpr int events_most = 64;                // of one reading; the rest waits for the next one
using device = void*;
using event_set = void*;
struct utilisation {
  unsigned gpu, memory;
};
struct memory_info {
  unsigned long long total, free, used;
};
struct event {
  device of;
  unsigned long long type, data;
  unsigned gpu_instance, compute_instance;
};

struct close_library {
  void operator()(void* library) const noexcept { ::dlclose(library); }
};

}  // namespace

/// Those in the second part may be missing: older drivers do not have them all.
struct nvml::functions {
  std::unique_ptr<void, close_library> library;
  bool is_open = false;
  status (*init)() = nullptr;
  status (*shutdown)() = nullptr;
  const char* (*describe)(status) = nullptr;
  status (*count)(unsigned*) = nullptr;
  status (*handle)(unsigned, device*) = nullptr;
  status (*name)(device, char*, unsigned) = nullptr;
  status (*memory)(device, memory_info*) = nullptr;

  status (*uuid)(device, char*, unsigned) = nullptr;
  status (*busy)(device, utilisation*) = nullptr;
  status (*temperature)(device, int, unsigned*) = nullptr;
  status (*errors)(device, int, int, unsigned long long*) = nullptr;
  status (*encoder_stats)(device, unsigned*, unsigned*, unsigned*) = nullptr;
  status (*encoder)(device, unsigned*, unsigned*) = nullptr;
  status (*decoder)(device, unsigned*, unsigned*) = nullptr;
  status (*power)(device, unsigned*) = nullptr;
  status (*make_events)(event_set*) = nullptr;
  status (*free_events)(event_set) = nullptr;
  status (*watch)(device, unsigned long long, event_set) = nullptr;
  status (*wait)(event_set, event*, unsigned) = nullptr;

  event_set events = nullptr;
  std::map<device, std::vector<unsigned>> xids;  // that nobody has read yet

  ~functions() {
    if (events) (void)free_events(events);
    if (is_open) (void)shutdown();
  }
  template <class Function>
  bool find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(::dlsym(library.get(), symbol));
    return function != nullptr;
  }
  [[nodiscard]] error failed(const char* call, status how) const {
    const auto* const words = describe(how);
    const auto code = how == gpu_is_lost         ? errc::process_failed
                      : how == invalid_argument  ? errc::not_found
                      : how == driver_not_loaded ? errc::not_found
                                                 : errc::internal;
    return {code, fmt::format("{}: {} ({})", call, words ? words : "an unknown status", how)};
  }
  result<void> find_needed() {
    const auto need = [this](auto& function, const char* symbol) -> result<void> {
      if (find(function, symbol)) return {};
      return error{errc::not_found, fmt::format("NVIDIA's management library has no function {}", symbol)};
    };
    TROUPE_CHECK(need(init, "nvmlInit_v2"));
    TROUPE_CHECK(need(shutdown, "nvmlShutdown"));
    TROUPE_CHECK(need(describe, "nvmlErrorString"));
    TROUPE_CHECK(need(count, "nvmlDeviceGetCount_v2"));
    TROUPE_CHECK(need(handle, "nvmlDeviceGetHandleByIndex_v2"));
    TROUPE_CHECK(need(name, "nvmlDeviceGetName"));
    return need(memory, "nvmlDeviceGetMemoryInfo");
  }
  void find_others() {
    find(uuid, "nvmlDeviceGetUUID");
    find(busy, "nvmlDeviceGetUtilizationRates");
    find(temperature, "nvmlDeviceGetTemperature");
    find(errors, "nvmlDeviceGetTotalEccErrors");
    find(encoder_stats, "nvmlDeviceGetEncoderStats");
    find(encoder, "nvmlDeviceGetEncoderUtilization");
    find(decoder, "nvmlDeviceGetDecoderUtilization");
    find(power, "nvmlDeviceGetPowerUsage");
    find(make_events, "nvmlEventSetCreate");
    find(free_events, "nvmlEventSetFree");
    find(watch, "nvmlDeviceRegisterEvents");
    find(wait, "nvmlEventSetWait_v2");
  }
  /// From now on the driver keeps errors for us. A device that cannot tell of them is as well as one that has none.
  void watch_errors() {
    unsigned devices = 0;
    if (!make_events || !free_events || !watch || !wait || count(&devices) != success) return;
    if (make_events(&events) != success) {
      events = nullptr;
      return;
    }
    for (unsigned index = 0; index < devices; ++index)
      if (device one = nullptr; handle(index, &one) == success) (void)watch(one, xid_event, events);
  }
  void gather_errors() {
    event next{};
    for (int i = 0; events && i < events_most && wait(events, &next, 0) == success; ++i)
      if (next.type == xid_event) xids[next.of].push_back(static_cast<unsigned>(next.data));
  }
};

namespace {

/// What a function that may be missing says: nothing if it is, or refuses. `lost` is set if the device is gone.
template <class Function, class... Arguments>
bool says(bool& lost, Function function, Arguments... arguments) {
  if (!function) return false;
  const auto how = function(arguments...);
  lost = lost || how == gpu_is_lost;
  return how == success;
}

}  // namespace

nvml::nvml(std::unique_ptr<functions> all) : all_(std::move(all)) {}
nvml::nvml(nvml&&) noexcept = default;
nvml& nvml::operator=(nvml&&) noexcept = default;
nvml::~nvml() = default;

result<nvml> nvml::open(const std::filesystem::path& library) {
  auto all = std::make_unique<functions>();
  all->library.reset(::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!all->library) {
    const auto* const why = ::dlerror();
    return error{errc::not_found, fmt::format("NVIDIA's management library: {}", why ? why : library.string())};
  }
  TROUPE_CHECK(all->find_needed());
  all->find_others();
  if (const auto how = all->init(); how != success) return all->failed("nvmlInit_v2", how);
  all->is_open = true;
  all->watch_errors();
  return nvml(std::move(all));
}

result<unsigned> nvml::count() const {
  unsigned count = 0;
  if (const auto how = all_->count(&count); how != success) return all_->failed("nvmlDeviceGetCount_v2", how);
  return count;
}

result<device_reading> nvml::read(unsigned index) {
  device one = nullptr;
  if (const auto how = all_->handle(index, &one); how != success) return all_->failed("nvmlDeviceGetHandleByIndex_v2", how);
  device_reading made;
  std::array<char, 97> text{};  // NVML_DEVICE_NAME_V2_BUFFER_SIZE and a zero
  if (const auto how = all_->name(one, text.data(), text.size() - 1); how != success)
    return all_->failed("nvmlDeviceGetName", how);
  made.name = text.data();
  memory_info memory{};
  if (const auto how = all_->memory(one, &memory); how != success) return all_->failed("nvmlDeviceGetMemoryInfo", how);
  made.memory_total = memory.total;
  made.memory_used = memory.used;

  bool lost = false;
  text = {};
  if (says(lost, all_->uuid, one, text.data(), static_cast<unsigned>(text.size() - 1))) made.uuid = text.data();
  utilisation busy{};
  if (says(lost, all_->busy, one, &busy)) {
    made.busy_percent = busy.gpu;
    made.memory_busy_percent = busy.memory;
  }
  unsigned number = 0, rest = 0, more = 0;
  if (says(lost, all_->temperature, one, temperature_of_gpu, &number)) made.temperature_celsius = number;
  if (says(lost, all_->power, one, &number)) made.power_watts = number / 1000.0;
  if (says(lost, all_->encoder_stats, one, &number, &rest, &more)) made.encoder_sessions = number;
  if (says(lost, all_->encoder, one, &number, &rest)) made.encoder_percent = number;
  if (says(lost, all_->decoder, one, &number, &rest)) made.decoder_percent = number;
  unsigned long long errors = 0;
  if (says(lost, all_->errors, one, error_corrected, since_driver_load, &errors)) made.errors_corrected = errors;
  if (says(lost, all_->errors, one, error_uncorrected, since_driver_load, &errors)) made.errors_uncorrected = errors;
  if (lost) return all_->failed("NVML", gpu_is_lost);
  all_->gather_errors();
  made.xids = std::exchange(all_->xids[one], {});
  return made;
}

}  // namespace troupe::gpu
