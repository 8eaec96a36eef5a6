#include "cli/model_watch.hpp"

#include "base/child_process.hpp"
#include "base/log.hpp"
#include "cli/json_text.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

namespace troupe::cli {
namespace {

constexpr duration look_every = 2s;
/// A network of a gigabyte is read in seconds; what takes longer is stuck or hostile.
constexpr duration judge_most = 60s;
constexpr std::size_t answer_bytes_most = 64 << 10, models_most = 256;

/// What a file is known by again.
std::string stamp_of(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  const auto changed = std::filesystem::last_write_time(file, unknown).time_since_epoch().count();
  return fmt::format("{} {} {};", file.string(), size, changed);
}

/// The worker's words about a model, or why there are none.
json::object answer_of(const std::filesystem::path& worker, const std::filesystem::path& description, int stop_fd) {
  const auto ended = run_child({worker.string(), "--check-model", description.string(), "--json"},
                               {.time = judge_most, .output_most = answer_bytes_most, .stop_fd = stop_fd});
  if (!ended) return {{"fault", ended.error().detail}};
  if (ended->signal)
    return {{"fault", fmt::format("{}: the program that read it was ended by signal {}", description.string(), *ended->signal)}};
  boost::system::error_code failure;
  auto answer = json::parse(ended->output, failure);
  if (failure || !answer.is_object())
    return {
        {"fault", fmt::format("{}: {} gave no answer (exit status {})", description.string(), worker.string(), ended->status)}};
  return std::move(answer.get_object());
}

}  // namespace

model_watch::model_watch(std::filesystem::path worker_program, std::vector<std::filesystem::path> directories)
    : worker_program_(std::move(worker_program)), directories_(std::move(directories)), stop_fd_(::eventfd(0, EFD_CLOEXEC)) {
  std::error_code failure;
  std::filesystem::create_directories(directories_.front(), failure);
  if (failure) log::warn("models_directory_missing", "directory={} why={}", directories_.front().string(), failure.message());
  thread_ = std::thread{[this] { loop(); }};
}

model_watch::~model_watch() {
  {
    const std::lock_guard lock{mutex_};
    is_over_ = true;
  }
  changed_.notify_one();
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_fd_, &one, sizeof one);
  thread_.join();
  ::close(stop_fd_);
}

std::shared_ptr<const model::installed_models> model_watch::now() const {
  const std::lock_guard lock{mutex_};
  return now_;
}

bool model_watch::is_over() const {
  const std::lock_guard lock{mutex_};
  return is_over_;
}

void model_watch::loop() {
  while (!is_over()) {
    look();
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, look_every, [this] { return is_over_; });
  }
}

/// Names and files of all that is there now.
std::map<std::string, std::filesystem::path> model_watch::descriptions() const {
  std::map<std::string, std::filesystem::path> found;
  for (const auto& directory : directories_) {
    std::error_code failure;
    for (std::filesystem::directory_iterator entry{directory, failure}, end; !failure && entry != end; entry.increment(failure)) {
      if (entry->path().extension() == ".yaml" && found.size() < models_most) found.emplace(entry->path().stem(), entry->path());
    }
  }
  return found;
}

void model_watch::look() {
  const auto found = descriptions();
  bool is_news = now() == nullptr || std::erase_if(known_, [&](const auto& one) { return !found.contains(one.first); }) > 0;
  for (const auto& [name, file] : found) {
    const auto known = known_.find(name);
    if (known != known_.end() && known->second.stamp == stamp_of(file) + stamp_of(known->second.network)) continue;
    auto verdict = judge(name, file);
    if (is_over()) return;
    if (verdict.model.fault)
      log::warn("model_refused", "name={} why={}", name, *verdict.model.fault);
    else
      log::info("model_found", "name={} task={} file={}", name, verdict.model.task, verdict.model.file);
    known_.insert_or_assign(name, std::move(verdict));
    is_news = true;
  }
  if (!is_news) return;
  auto list = std::make_shared<model::installed_models>();
  for (const auto& [name, one] : known_) list->emplace(name, one.model);
  const std::lock_guard lock{mutex_};
  now_ = std::move(list);
}

model_watch::judged model_watch::judge(const std::string& name, const std::filesystem::path& description) const {
  judged made;
  made.model.name = name;
  made.model.file = description.string();
  made.network = std::filesystem::path(description).replace_extension(".onnx");
  // Before it is read: what changes meanwhile is read again.
  auto stamp = stamp_of(description) + stamp_of(made.network);
  const auto answer = answer_of(worker_program_, description, stop_fd_);
  if (const auto fault = text_at(answer, "fault"); !fault.empty()) {
    made.model.fault = fault;
  } else {
    made.model.task = text_at(answer, "task");
    made.model.description = text_at(answer, "description");
    made.model.scale = static_cast<int>(number_at(answer, "scale").value_or(1));
    if (const auto* const classes = array_at(answer, "classes"))
      for (const auto& kind : *classes) made.model.classes.push_back(plain_text(kind));
  }
  if (const std::filesystem::path network = text_at(answer, "network"); !network.empty() && network != made.network) {
    made.network = network;
    stamp = stamp_of(description) + stamp_of(network);
  }
  made.stamp = std::move(stamp);
  return made;
}

}  // namespace troupe::cli
