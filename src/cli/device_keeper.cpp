#include "cli/device_keeper.hpp"

#include "base/log.hpp"
#include "gpu/devices/nvml.hpp"
#include "gpu/devices/simulated.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

namespace troupe::cli {
namespace {
constexpr int full_most = 5;  // times in a row that a task finds no memory because of others: then that costs a try
constexpr std::size_t full_tasks_most = 1000;  // that are remembered
constexpr int unread_most = 5;                 // looks in a row that say nothing: then the device counts as lost
}  // namespace

/// One device. Members with `locked` in their name are called with the keeper's lock held.
class device_keeper::device : public worker::device_gate {
 public:
  device(device_keeper& keeper, unsigned index, const gpu::device_reading& first, const model::device_limits& limits)
      : keeper_(keeper),
        index_(index),
        guard_(bytes{first.memory_total}, limits),
        memory_(std::make_shared<worker::memory_desk>(guard_.budget())),
        reading_(first) {}

  std::optional<std::string> why_not() override {
    const std::lock_guard lock{keeper_.mutex_};
    return guard_.why_not(held());
  }
  void enter(std::uint16_t slot, std::function<void(const std::string&)> end) override {
    const std::lock_guard lock{keeper_.mutex_};
    const auto& at = workers_.insert_or_assign(slot, std::move(end)).first->second;
    if (!guard_.closed_because().empty()) at(why_closed());  // meanwhile
  }
  void leave(std::uint16_t slot) override {
    const std::lock_guard lock{keeper_.mutex_};
    workers_.erase(slot);
    ++gone_;
    guard_.worker_gone();
    keeper_.is_hasty_ = true;
    keeper_.changed_.notify_all();
  }
  void lost_to(std::uint16_t slot, std::string_view network, std::string_view why) override {
    const std::lock_guard lock{keeper_.mutex_};
    log::error("device_lost_to_worker", "device={} uuid={} slot={} why=\"{}\"", index_, reading_.uuid, slot, why);
    ++worker_faults_;
    if (guard_.lost_to_worker(network, why, keeper_.clock_.now())) tell_closed_locked();
  }
  void worked() override {
    const std::lock_guard lock{keeper_.mutex_};
    guard_.has_worked();
  }
  bool is_full_of_others(const model::task_id& task) override {
    look();
    const std::lock_guard lock{keeper_.mutex_};
    if (!guard_.is_full_of_others(held())) {
      full_.erase(task);
      return false;
    }
    if (++full_[task] < full_most) {
      if (full_.size() > full_tasks_most) full_.erase(full_.begin());
      return true;
    }
    full_.erase(task);
    log::warn("device_full",
              "device={} uuid={} why=\"a task found no memory {} times in a row, for others had it; if that is CUDA "
              "itself, raise devices.reserve\"",
              index_, reading_.uuid, full_most);
    return false;
  }

  /// A driver may take its time: nobody but those who read waits for it.
  void look() {
    const auto gone_before = gone_.load();
    auto read = [this] {
      const std::lock_guard lock{keeper_.source_mutex_};
      return keeper_.source_->read(index_);
    }();
    const std::lock_guard lock{keeper_.mutex_};
    take_locked(std::move(read));
    if (gone_ == gone_before) return;
    guard_.worker_gone();  // perhaps it was read before that
    keeper_.is_hasty_ = true;
  }

  void take_locked(result<gpu::device_reading> read) {
    const bool is_lost = !read && (read.error().code == errc::process_failed || ++unread_ >= unread_most);
    if (!read && !is_lost) {  // not a word about the device
      log::warn("device_unread", "device={} uuid={} why=\"{}\"", index_, reading_.uuid, read.error().detail);
      return;
    }
    model::device_guard::sight sight;
    if (read) {
      unread_ = 0;
      if (read->uuid.empty()) read->uuid = reading_.uuid;
      sight = {bytes{read->memory_used}, read->xids, read->errors_uncorrected, {}};
      xids_ += read->xids.size();
      reading_ = std::move(*read);
    } else {
      sight.lost = read.error().detail;
    }
    const auto news = guard_.look(sight, keeper_.clock_.now());
    for (const auto xid : news.others) log::warn("device_error", "device={} uuid={} xid={}", index_, reading_.uuid, xid);
    for (const auto& fault : news.faults)
      log::error("device_fault", "device={} uuid={} why=\"{}\"", index_, reading_.uuid, fault);
    if (news.has_closed) tell_closed_locked();
  }

  [[nodiscard]] model::device_view view_locked() const {
    const auto figures = memory_->now();
    model::device_view view;
    view.index = index_;
    view.name = reading_.name;
    view.uuid = reading_.uuid;
    view.state = "open";
    if (!why_unused_.empty()) {
      view.state = "unused";
      view.why = why_unused_;
    } else if (!guard_.closed_because().empty()) {
      view.state = "closed";
      view.why = guard_.closed_because();
    } else if (guard_.rests() || guard_.is_full_of_others(figures.held + figures.kept)) {
      view.state = "waiting";
      view.why = guard_.why_not(figures.held + figures.kept).value_or("");
    }
    view.memory_total = bytes{reading_.memory_total};
    view.memory_used = bytes{reading_.memory_used};
    view.budget = figures.budget;
    view.claimed = figures.held;
    view.kept = figures.kept;
    view.tasks_waiting = figures.waiting;
    view.busy_percent = reading_.busy_percent;
    view.memory_busy_percent = reading_.memory_busy_percent;
    view.encoder_percent = reading_.encoder_percent;
    view.decoder_percent = reading_.decoder_percent;
    view.encoder_sessions = reading_.encoder_sessions;
    view.temperature = reading_.temperature_celsius;
    view.power_watts = reading_.power_watts;
    view.errors_corrected = reading_.errors_corrected;
    view.errors_uncorrected = reading_.errors_uncorrected;
    view.xids = xids_;
    view.worker_faults = worker_faults_;
    return view;
  }
  [[nodiscard]] bool is_closed_locked() const { return !guard_.closed_because().empty(); }
  [[nodiscard]] const gpu::device_reading& reading_locked() const { return reading_; }
  [[nodiscard]] bytes held() const {
    const auto figures = memory_->now();
    return figures.held + figures.kept;
  }
  [[nodiscard]] const std::shared_ptr<worker::memory_desk>& memory() const { return memory_; }
  /// "device 0 (NVIDIA H100 80GB HBM3)".
  [[nodiscard]] std::string name() const { return fmt::format("device {} ({})", index_, reading_.name); }
  void leave_unused(std::string why) { why_unused_ = std::move(why); }

 private:
  void tell_closed_locked() {
    log::error("device_closed", "device={} uuid={} why=\"{}\"", index_, reading_.uuid, guard_.closed_because());
    for (const auto& [slot, end] : workers_) end(why_closed());
  }
  [[nodiscard]] std::string why_closed() const { return fmt::format("{} was closed: {}", name(), guard_.closed_because()); }

  device_keeper& keeper_;
  const unsigned index_;
  model::device_guard guard_;
  std::shared_ptr<worker::memory_desk> memory_;
  gpu::device_reading reading_;
  std::string why_unused_;
  std::map<std::uint16_t, std::function<void(const std::string&)>> workers_;
  std::map<model::task_id, int> full_;  // how often in a row they found no memory because of others
  int unread_ = 0;                      // in a row
  std::uint64_t xids_ = 0, worker_faults_ = 0;
  std::atomic<std::uint64_t> gone_ = 0;  ///< workers
};

device_keeper::device_keeper(const node_config& config, std::unique_ptr<gpu::device_source> source)
    : every_(config.devices.every), slots_each_(config.devices.slots), source_(std::move(source)) {}

device_keeper::~device_keeper() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

result<std::unique_ptr<device_keeper>> device_keeper::find(const node_config& config) {
  std::unique_ptr<device_keeper> made{new device_keeper{config, nullptr}};
  std::string why_unused;
  if (!config.devices.simulated.empty()) {
    std::vector<gpu::simulated_device> devices;
    for (const auto& text : config.devices.simulated)
      if (const auto one = simulated_from(text)) devices.push_back({one->name, one->memory.count()});
    const auto load = [keeper = made.get()](unsigned at) {
      if (at >= keeper->devices_.size()) return gpu::simulated_load{};
      const auto now = keeper->devices_[at]->memory()->now();
      return gpu::simulated_load{(now.held + now.kept).count(), now.held > bytes{0}};
    };
    made->source_ = gpu::make_simulated_source(std::move(devices), config.data_directory / "devices", load);
  } else if (config.devices.are_used) {
    auto driver = gpu::nvml::open(config.devices.library);
    if (!driver) log::debug("no_devices", "why=\"{}\"", driver.error().detail);
    if (driver) made->source_ = std::make_unique<gpu::nvml>(std::move(*driver));
    const auto& program = config.devices.worker_program;
    if (::access(program.c_str(), X_OK) != 0)
      why_unused = fmt::format("there is no program {}; it is built where CUDA and cuDNN are", program.string());
  }
  if (!made->source_) return made;
  TROUPE_TRY(const auto count, made->source_->count());
  for (unsigned index = 0; index < count; ++index) TROUPE_CHECK(made->open(config, index, why_unused));
  if (!made->devices_.empty()) made->thread_ = std::thread{[keeper = made.get()] { keeper->run(); }};
  return made;
}

result<void> device_keeper::open(const node_config& config, unsigned index, const std::string& why_unused) {
  auto first = source_->read(index);
  auto why = why_unused;
  if (!first) {
    why = first.error().detail;
    first = gpu::device_reading{};
  }
  if (first->uuid.empty()) first->uuid = fmt::format("{}", index);  // as CUDA_VISIBLE_DEVICES takes it, too
  const model::device_limits limits{config.devices.reserve, config.devices.faults_most, config.devices.faults_within};
  const auto made = devices_.emplace_back(std::make_shared<device>(*this, index, *first, limits));
  made->look();
  const auto budget = made->memory()->now().budget;
  if (why.empty() && budget == bytes{0}) why = "devices.reserve leaves nothing of its memory";
  places_.emplace_back();
  if (!why.empty()) {
    log::warn("device_unused", "device={} uuid={} why=\"{}\"", index, first->uuid, why);
    made->leave_unused(std::move(why));
    return {};
  }
  const auto simulated = config.devices.simulated.empty() ? std::nullopt : simulated_from(config.devices.simulated[index]);
  const auto& program = simulated ? config.worker_program : config.devices.worker_program;
  worker::device_place place{made->name(), first->name, std::filesystem::absolute(program), {}, made->memory(), made};
  place.environment = {"CUDA_VISIBLE_DEVICES=" + first->uuid, fmt::format("TROUPE_CUDA_MEMORY={}", budget.count())};
  if (simulated) {
    const auto state = std::filesystem::absolute(config.data_directory / "devices" / simulated->name);
    place.environment.push_back(fmt::format("TROUPE_SIMULATED_GFLOPS={}", simulated->gflops));
    place.environment.push_back("TROUPE_SIMULATED_DEVICE=" + state.string());
  }
  places_.back() = std::make_shared<worker::device_place>(std::move(place));
  log::info("device_found", "device={} name=\"{}\" uuid={} budget={} slots={}", index, first->name, first->uuid, budget.count(),
            slots_each_);
  return {};
}

void device_keeper::run() {
  std::unique_lock lock{mutex_};
  while (!is_stopping_) {
    changed_.wait_for(lock, every_, [this] { return is_stopping_ || is_hasty_; });
    is_hasty_ = false;
    lock.unlock();
    for (const auto& one : devices_) one->look();
    lock.lock();
  }
}

std::vector<model::device_view> device_keeper::views() const {
  const std::lock_guard lock{mutex_};
  std::vector<model::device_view> all;
  for (const auto& one : devices_) all.push_back(one->view_locked());
  return all;
}

std::optional<double> device_keeper::use() const {
  double sum = 0;
  int count = 0;
  for (const auto& one : views()) {
    if (!one.busy_percent) continue;
    sum += *one.busy_percent;
    ++count;
  }
  return count == 0 ? std::nullopt : std::optional{sum / count};
}

bool device_keeper::are_all_closed() const {
  const std::lock_guard lock{mutex_};
  for (std::size_t at = 0; at < devices_.size(); ++at)
    if (places_[at] && !devices_[at]->is_closed_locked()) return false;
  return true;
}

void device_keeper::add_slots(actors::node_options& to) const {
  const std::lock_guard lock{mutex_};
  for (std::size_t at = 0; at < devices_.size(); ++at)
    if (places_[at])
      to.device_slots.insert(to.device_slots.end(), slots_each_,
                             {devices_[at]->reading_locked().uuid, devices_[at]->memory()->now().budget});
  if (to.device_slots.empty()) return;
  // When no device is left, the processors do what they did without any.
  to.processor_kind = [this] { return are_all_closed() ? model::slot_kind::any : model::slot_kind::processor; };
}

void device_keeper::add_slots(std::uint16_t first, worker::host_options& to) const {
  for (const auto& place : places_)
    for (std::uint32_t i = 0; place && i < slots_each_; ++i) to.on_devices.emplace(first++, place);
}

}  // namespace troupe::cli
