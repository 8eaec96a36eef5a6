#include "worker/session.hpp"

#include "base/size_text.hpp"
#include "base/time_slice.hpp"
#include "worker/protocol/protocol.hpp"
#include "worker/watched_executor.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

namespace troupe::worker {
namespace {

namespace json = boost::json;
using steady = std::chrono::steady_clock;

constexpr auto tick = std::chrono::milliseconds{500};           // the protocol asks for one report a second
constexpr auto least_distance = std::chrono::milliseconds{50};  // no more than 20 reports a second
constexpr std::size_t detail_bytes_most = 4096;
constexpr int depth_most = 256;

/// Sends whole messages from several threads. A node that is gone ends the process: nobody is left to work for.
class sender {
 public:
  explicit sender(int fd) : fd_(fd) {}
  void send(const proto::from_worker& message) {
    const std::lock_guard lock{mutex_};
    if (!write_frame(fd_, message)) ::_exit(0);
  }

 private:
  int fd_;
  std::mutex mutex_;
};

/// The progress of the task that runs, from a thread that lives as long as the session: the newest report goes out at once,
/// though at most 20 times a second, and a first or repeated one at each tick.
class ticker : public progress_sink {
 public:
  explicit ticker(sender& to) : to_(to), thread_([this] { loop(); }) {}
  ~ticker() override {
    change([this] { is_over_ = true; });
    thread_.join();
  }
  /// Between short tasks the thread sleeps on: the tick that has begun counts for the next one.
  void begin() {
    const std::lock_guard lock{mutex_};
    now_ = {};
    started_ = steady::now();
    is_fresh_ = false;
    is_running_ = true;
    if (is_idle_) changed_.notify_one();
  }
  /// No report of the task leaves any more when this returns.
  void end() {
    std::unique_lock lock{mutex_};
    is_running_ = false;
    silent_.wait(lock, [this] { return !is_sending_; });
  }
  void report(const stage_progress& now) override {
    change([&] {
      const auto permille = std::max(now_.permille, std::min(now.permille, 1000u));
      now_ = now;
      now_.permille = permille;
      now_.message.resize(std::min<std::size_t>(now_.message.size(), 512));
      is_fresh_ = true;
    });
  }

 private:
  void change(const std::function<void()>& how) {
    {
      const std::lock_guard lock{mutex_};
      how();
    }
    changed_.notify_one();
  }
  void loop() {
    std::unique_lock lock{mutex_};
    while (!is_over_) {
      is_idle_ = true;
      changed_.wait(lock, [this] { return is_over_ || is_running_; });
      is_idle_ = false;
      changed_.wait_for(lock, tick - least_distance, [this] { return is_over_ || is_fresh_; });
      if (is_over_ || !is_running_) continue;
      const auto message = snapshot();
      is_fresh_ = false;
      is_sending_ = true;
      lock.unlock();
      to_.send(message);
      lock.lock();
      is_sending_ = false;
      silent_.notify_one();
      changed_.wait_for(lock, least_distance, [this] { return is_over_; });
    }
  }
  proto::from_worker snapshot() const {
    proto::from_worker message;
    auto& report = *message.mutable_report();
    report.set_permille(now_.permille);
    report.set_frames_done(now_.frames_done);
    report.set_frames_total(now_.frames_total);
    report.set_message(now_.message);
    if (now_.permille > 0) {
      const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - started_).count();
      report.set_eta_ms(static_cast<std::uint64_t>(spent) * (1000 - now_.permille) / now_.permille);
    }
    return message;
  }

  sender& to_;
  std::mutex mutex_;
  std::condition_variable changed_, silent_;
  stage_progress now_;
  steady::time_point started_;
  bool is_running_ = false, is_fresh_ = false, is_sending_ = false, is_idle_ = false, is_over_ = false;
  std::thread thread_;
};

/// Adds path, media type and size to every {"artifact": HASH}.
result<void> resolve_artifacts(json::value& value, const std::map<std::string, input_artifact>& inputs, int depth = 0) {
  if (depth > depth_most) return error{errc::bad_request, fmt::format("parameters are nested deeper than {}", depth_most)};
  if (auto* array = value.if_array()) {
    for (auto& element : *array) TROUPE_CHECK(resolve_artifacts(element, inputs, depth + 1));
  } else if (auto* object = value.if_object()) {
    const auto* hash = object->size() == 1 ? object->if_contains("artifact") : nullptr;
    if (hash != nullptr && hash->is_string()) {
      const auto found = inputs.find(std::string{hash->get_string()});
      if (found == inputs.end())
        return error{errc::internal, fmt::format("the node sent no file for artifact {}", hash->get_string().c_str())};
      object->emplace("path", found->second.path.native());
      object->emplace("media_type", found->second.media_type);
      object->emplace("size", found->second.size);
      return {};
    }
    for (auto& member : *object) TROUPE_CHECK(resolve_artifacts(member.value(), inputs, depth + 1));
  }
  return {};
}

/// Claims go out beside the ticker's reports, answers come in here: nobody else reads while a task runs.
class node_claims : public memory_claims {
 public:
  node_claims(int fd, sender& to, progress_sink& progress) : fd_(fd), to_(to), progress_(progress) {}
  void begin(const proto::run_task& task) {
    is_on_device_ = task.on_device();
    learned_.clear();
    news_.clear();
    for (const auto& peak : task.peaks()) learned_[peak.shape()] = bytes{peak.bytes()};
  }
  [[nodiscard]] bool is_on_device() const override { return is_on_device_; }
  [[nodiscard]] std::optional<bytes> learned(const std::string& shape) const override {
    const auto known = learned_.find(shape);
    return known == learned_.end() ? std::nullopt : std::optional{known->second};
  }
  void learn(const std::string& shape, bytes amount) override { news_[shape] = amount; }
  void put_news(proto::task_finished& to) const {
    for (const auto& [shape, amount] : news_) {
      auto& peak = *to.add_learned();
      peak.set_shape(shape);
      peak.set_bytes(amount.count());
    }
  }
  result<bool> try_claim(bytes amount) override {
    TROUPE_TRY(const auto verdict, ask(amount, false));
    return verdict == proto::memory_answer::GRANTED;
  }
  result<void> wait_for(bytes amount) override {
    progress_.report({0, 0, 0, fmt::format("waits for {} of memory", rough_size(amount))});
    TROUPE_TRY(const auto verdict, ask(amount, true));
    if (verdict != proto::memory_answer::GRANTED)
      return error{errc::internal, "the node did not grant memory that was waited for"};
    progress_.report({});
    return {};
  }

 private:
  result<proto::memory_answer::verdict_kind> ask(bytes amount, bool wait) {
    proto::from_worker claim;
    claim.mutable_claim()->set_bytes(amount.count());
    claim.mutable_claim()->set_wait(wait);
    to_.send(claim);
    TROUPE_TRY(const auto frame, read_frame(fd_));
    if (!frame) ::_exit(0);  // nobody is left to work for
    TROUPE_TRY(const auto message, parse_to_worker(*frame));
    if (!message.has_memory()) return error{errc::corrupt, "the node answered a claim of memory with something else"};
    if (message.memory().verdict() == proto::memory_answer::NEVER) return error{errc::bad_request, message.memory().why()};
    return message.memory().verdict();
  }

  int fd_;
  sender& to_;
  progress_sink& progress_;
  bool is_on_device_ = false;
  std::map<std::string, bytes> learned_, news_;
};

void put_kept(const warm_memory* warm, proto::memory_kept& out) {
  if (warm == nullptr) return;
  out.set_bytes(warm->held().count());
  out.set_worth_ms(static_cast<std::uint64_t>(warm->worth().count()));
}

result<task> task_from(const proto::run_task& message) {
  std::map<std::string, input_artifact> inputs;
  for (const auto& file : message.inputs()) inputs[file.hash()] = {file.path(), file.media_type(), file.size()};
  boost::system::error_code failure;
  auto params = json::parse(message.params_json(), failure, {}, json::parse_options{.max_depth = depth_most});
  if (failure || !params.is_object()) return error{errc::bad_request, "the parameters are no JSON object: " + failure.message()};
  TROUPE_CHECK(resolve_artifacts(params, inputs));
  task work{message.task_key(),
            message.attempt(),
            message.kind(),
            std::move(params.get_object()),
            message.scratch_directory(),
            {},
            std::max(message.threads(), 1u),
            std::nullopt,
            nullptr};
  work.out = work.scratch / "out";
  if (message.has_program()) work.program = message.program();
  return work;
}

result<outputs> run_one(const proto::run_task& message, const runner_table& runners, ticker& progress, memory_claims& memory) {
  const auto runner = runners.find(message.kind());
  if (runner == runners.end()) return error{errc::internal, fmt::format("this worker has no stage kind \"{}\"", message.kind())};
  TROUPE_TRY(auto work, task_from(message));
  work.memory = &memory;
  progress.begin();
  auto outcome = [&]() -> result<outputs> {
    std::optional<long_time_slices> calculating;
    if (!work.program) calculating.emplace();  // else it only waits for a program
    try {
      return runner->second->run(work, progress);
    } catch (const std::exception& failure) {
      return error{errc::internal, fmt::format("{}: {}", message.kind(), failure.what())};
    }
  }();
  progress.end();
  return outcome;
}

proto::failure::cause_kind cause_of(errc code, device_trouble trouble) {
  switch (trouble) {
    case device_trouble::lost: return proto::failure::DEVICE_LOST;
    case device_trouble::full: return proto::failure::DEVICE_FULL;
    case device_trouble::none: break;
  }
  return code == errc::bad_request      ? proto::failure::BAD_INPUT
         : code == errc::process_failed ? proto::failure::CRASHED
                                        : proto::failure::FAILED;
}

proto::from_worker finished(const result<outputs>& outcome, const warm_memory* warm, device_trouble trouble) {
  proto::from_worker message;
  auto& end = *message.mutable_finished();
  put_kept(warm, *end.mutable_kept());
  if (outcome) {
    auto& done = *end.mutable_done();
    for (const auto& file : outcome->files) {
      auto& entry = *done.add_files();
      entry.set_name(file.name);
      entry.set_path(file.file.native());
      entry.set_media_type(file.media_type);
      entry.set_element(file.element);
    }
    done.set_values_json(json::serialize(outcome->values));
    return message;
  }
  const auto& why = outcome.error();
  auto& failed = *end.mutable_failed();
  failed.set_cause(cause_of(why.code, trouble));
  failed.set_detail(why.detail.substr(0, detail_bytes_most));
  return message;
}

proto::from_worker greeting(const runner_table& runners) {
  proto::from_worker message;
  auto& hello = *message.mutable_greeting();
  hello.set_protocol(protocol_version);
  hello.set_version("0.1.0");
  for (const auto& entry : runners) hello.add_kinds(entry.first);
  return message;
}

}  // namespace

int serve_node(int fd, const runner_table& runners, warm_memory* warm) {
  sender to{fd};
  to.send(greeting(runners));
  ticker progress{to};
  node_claims memory{fd, to, progress};
  while (true) {
    const auto frame = read_frame(fd);
    if (!frame) {
      fmt::print(stderr, "troupe-worker: {}\n", to_string(frame.error()));
      return 1;
    }
    if (!*frame) return 0;
    const auto message = parse_to_worker(**frame);
    if (!message) {
      fmt::print(stderr, "troupe-worker: {}\n", to_string(message.error()));
      return 1;
    }
    if (message->has_stop()) return 0;
    if (message->has_drop()) {
      if (warm != nullptr) warm->drop();
      proto::from_worker answer;
      put_kept(warm, *answer.mutable_kept());
      to.send(answer);
      continue;
    }
    memory.begin(message->run());
    const auto outcome = run_one(message->run(), runners, progress, memory);
    const auto trouble = take_device_trouble();
    auto end = finished(outcome, warm, trouble);
    memory.put_news(*end.mutable_finished());
    to.send(end);
    if (trouble == device_trouble::lost) {
      fmt::print(stderr, "troupe-worker: the device is lost to this process; the node starts another one\n");
      return 1;
    }
  }
}

}  // namespace troupe::worker
