#include "worker/host/supervisor.hpp"

#include "base/log.hpp"
#include "worker/host/process_tree.hpp"
#include "worker/host/scratch.hpp"
#include "worker/host/wire.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <future>

namespace troupe::worker {
namespace {

using model::failure_cause;
namespace ports = model::ports;

constexpr auto progress_distance = std::chrono::milliseconds{50};  // at most 20 reports a second reach the slot
constexpr auto kill_patience = std::chrono::seconds{7};            // for the shepherd to clear up, where there is no namespace
constexpr auto use_distance = std::chrono::seconds{1};             // between two looks at what a running attempt uses
constexpr auto weigh_distance = std::chrono::milliseconds{200};    // between two looks at the memory of a worker's processes
constexpr std::size_t read_bytes = 65536;
constexpr std::size_t flood_bytes = 256 * 1024;
constexpr std::size_t rest_most = std::size_t{32} << 20;  // read of a worker that has ended: two frames

}  // namespace

command_box::command_box() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void command_box::change(const std::function<void(content&)>& how) {
  {
    const std::lock_guard lock{mutex_};
    how(content_);
  }
  ::eventfd_write(wake_.get(), 1);
}

void command_box::run(const model::task_spec& task) {
  change([&](content& now) { now.orders.emplace_back(task); });
}
void command_box::stop() {
  change([](content& now) { now.orders.emplace_back(stop_order{}); });
}
void command_box::kill() {
  change([](content& now) { now.kill = true; });
}

void command_box::memory(memory_desk::word what) {
  change([&](content& now) { now.orders.emplace_back(what); });
}

void command_box::close(const std::string& why) {
  change([&](content& now) { now.orders.emplace_back(close_order{why}); });
}

command_box::content command_box::take() {
  const std::lock_guard lock{mutex_};
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  return {std::exchange(content_.orders, {}), content_.kill};
}

worker_loop::worker_loop(const supervisor_setting& setting, std::uint16_t slot, std::filesystem::path directory,
                         command_box& commands, stderr_keeper& written, event_sink on_event)
    : setting_(setting),
      slot_(slot),
      directory_(std::move(directory)),
      commands_(commands),
      on_event_(std::move(on_event)),
      stderr_(written) {}

result<void> worker_loop::start() {
  TROUPE_CHECK(make_directory(directory_));
  auto made = make_directory(directory_ / "tmp");
  if (made) {
    spawn_request request{setting_.options.program,
                          directory_,
                          setting_.environment,
                          setting_.spaces,
                          setting_.options.file_most,
                          setting_.options.memory_most,
                          setting_.options.open_files_most,
                          setting_.options.niceness};
    request.environment.push_back(fmt::format("{}{}/", scope_variable, directory_.native()));
    request.environment.push_back(fmt::format("TMPDIR={}/tmp", directory_.native()));
    auto started = spawn_worker(request);
    if (started) {
      process_ = std::move(*started);
      setting_.memory->enter(slot_, [this](memory_desk::word what) { commands_.memory(what); });
      if (setting_.place) setting_.place->gate->enter(slot_, [this](const std::string& why) { commands_.close(why); });
      end_deadline_ = steady::now() + setting_.options.hello_within;
      ending_because_ = fmt::format("it did not say hello within {} ms", setting_.options.hello_within.count());
      log::info("worker_started", "slot={} pid={}", slot_, process_.pid);
      return {};
    }
    made = std::move(started).error();
  }
  remove_tree(directory_);
  return made;
}

void worker_loop::run() {
  while (!exited_) wait_and_handle();
  finish();
}

worker_loop::steady::time_point worker_loop::next_deadline() const {
  auto next = end_deadline_.value_or(steady::now() + std::chrono::hours{1});
  if (waiting_progress_) next = std::min(next, progress_allowed_at_);
  if (attempt_ && !killed_) next = std::min(next, check_use_at_);
  if (is_to_be_weighed_ && phase_ == phase::idle && !killed_) next = std::min(next, weigh_at_);
  return next;
}

void worker_loop::wait_and_handle() {
  const bool channel_open = process_.channel.is_open() && !broken_;
  // A worker that floods its node while a report waits for its turn is read no further, so it waits in its own write.
  const bool reading = !waiting_progress_ || read_since_flush_ < flood_bytes;
  const short channel_events = static_cast<short>((reading ? POLLIN : 0) | (to_send_.empty() ? 0 : POLLOUT));
  std::array<pollfd, 4> watched{{{commands_.wake_fd(), POLLIN, 0},
                                 {process_.process.get(), POLLIN, 0},
                                 {process_.log.get(), POLLIN, 0},
                                 {channel_open && channel_events != 0 ? process_.channel.get() : -1, channel_events, 0}}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_deadline() - steady::now()).count();
  if (::poll(watched.data(), watched.size(), static_cast<int>(std::max<long>(left, 0))) < 0 && errno != EINTR)
    return kill_tree(fmt::format("poll failed: {}", std::strerror(errno)));
  if (watched[0].revents != 0) on_commands();
  if (watched[2].revents != 0) read_log(read_bytes);
  if (watched[3].revents & POLLOUT) write_channel();
  if (reading && (watched[3].revents & (POLLIN | POLLHUP | POLLERR))) read_channel(read_bytes);
  if (watched[1].revents != 0) exited_ = true;
  on_deadlines();
}

void worker_loop::on_commands() {
  const auto wanted = commands_.take();
  if (wanted.kill && !killed_) kill_tree("it was killed by the node");
  for (const auto& order : wanted.orders) {
    if (const auto* task = std::get_if<model::task_spec>(&order)) {
      on_task(*task);
    } else if (const auto* memory = std::get_if<memory_desk::word>(&order)) {
      on_memory(*memory);
    } else if (const auto* close = std::get_if<command_box::close_order>(&order)) {
      kill_tree(close->why, failure_cause::handed_back);
    } else {
      on_stop();
    }
  }
}

void worker_loop::on_task(const model::task_spec& task) {
  if (phase_ == phase::idle && !killed_) {
    begin(task);
  } else if (phase_ == phase::ending || killed_) {
    refused_ = true;
  } else {
    refuse(task, make_failure(failure_cause::handed_back, "the slot's worker is not ready for a task"));
  }
}

void worker_loop::on_stop() {
  if (std::exchange(stop_wanted_, true)) return;
  if (phase_ == phase::idle || phase_ == phase::greeting) ask_to_end("it was stopped by the node");
}

void worker_loop::on_deadlines() {
  const auto now = steady::now();
  if (waiting_progress_ && now >= progress_allowed_at_) flush_progress();
  if (attempt_ && !killed_ && now >= check_use_at_) check_use();
  if (is_to_be_weighed_ && phase_ == phase::idle && !killed_ && now >= weigh_at_) weigh();
  if (!end_deadline_ || now < *end_deadline_ || exited_) return;
  if (killed_) {  // the shepherd was to do it
    ::syscall(SYS_pidfd_send_signal, process_.process.get(), SIGKILL, nullptr, 0);
    end_deadline_ = now + kill_patience;
    return;
  }
  kill_tree(ending_because_);
}

void worker_loop::check_use() {
  check_use_at_ = steady::now() + use_distance;
  check_memory();
  if (!killed_) check_disk();
}

/// A file's size is limited by the kernel; the sum of all, and what must stay free for the journal, only by looking.
void worker_loop::check_disk() {
  const auto used = disk_used_by(attempt_->directory.scratch());
  if (used > setting_.options.output_most)
    return kill_tree(fmt::format("its files have {} bytes, {} are allowed (worker.scratch_quota)", used.count(),
                                 setting_.options.output_most.count()),
                     failure_cause::failed);
  std::error_code failed;
  const auto free = std::filesystem::space(directory_, failed).available;
  if (!failed && free < setting_.options.keep_free.count())
    kill_tree(fmt::format("only {} bytes are free on the disk of {}, {} are kept for the journal (disk.keep_free)", free,
                          directory_.native(), setting_.options.keep_free.count()),
              failure_cause::failed);
}

void worker_loop::read_log(std::size_t most) {
  std::array<char, read_bytes> chunk;
  for (std::size_t done = 0; done < most && process_.log.is_open();) {
    const auto got = ::read(process_.log.get(), chunk.data(), chunk.size());
    if (got == 0) process_.log.close();
    if (got <= 0) return;
    stderr_.push({chunk.data(), static_cast<std::size_t>(got)});
    done += static_cast<std::size_t>(got);
  }
}

void worker_loop::read_channel(std::size_t most) {
  std::array<char, read_bytes> chunk;
  for (std::size_t done = 0; done < most && !broken_;) {
    const auto got = ::recv(process_.channel.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      broken_ = true;  // it ends, or has gone mad: either way within the grace
      if (!killed_ && phase_ != phase::ending) ask_to_end("it closed its connection to the node");
      return;
    }
    done += static_cast<std::size_t>(got);
    read_since_flush_ += static_cast<std::size_t>(got);
    frames_.push({chunk.data(), static_cast<std::size_t>(got)});
    while (!broken_) {
      auto frame = frames_.next();
      if (!frame) return kill_tree("it spoke nonsense: " + frame.error().detail);
      if (!*frame) break;
      if (!killed_) on_frame(**frame);
    }
  }
}

void worker_loop::write_channel() {
  const auto sent = ::send(process_.channel.get(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
  if (sent > 0) to_send_.erase(0, static_cast<std::size_t>(sent));
  if (sent < 0 && errno != EAGAIN && errno != EINTR) to_send_.clear();  // its end shows on reading
}

void worker_loop::send(const proto::to_worker& message) {
  if (auto frame = frame_of(message)) to_send_ += *frame;
  if (!broken_) write_channel();
}

void worker_loop::on_frame(const std::string& frame) {
  const auto message = parse_from_worker(frame);
  if (!message) return kill_tree("it spoke nonsense: " + message.error().detail);
  if (message->has_greeting()) return on_greeting(message->greeting());
  if (message->has_report()) return on_progress(message->report());
  if (message->has_claim()) return on_claim(message->claim());
  if (message->has_kept()) {
    if (phase_ == phase::idle || phase_ == phase::running) end_deadline_.reset();
    on_kept(message->kept());
    setting_.memory->with([this](auto& ledger) { ledger.dropped(slot_); });
    return;
  }
  on_finished(message->finished());
}

void worker_loop::on_greeting(const proto::hello& hello) {
  if (phase_ == phase::ending) return;
  if (phase_ != phase::greeting) return kill_tree("it spoke nonsense: it said hello twice");
  if (hello.protocol() != protocol_version)
    return kill_tree(fmt::format("it speaks protocol {}, this node speaks {}; install node and worker of one version",
                                 hello.protocol(), protocol_version));
  phase_ = phase::idle;
  end_deadline_.reset();
  on_event_(ports::worker_ready{});
}

void worker_loop::on_progress(const proto::progress& report) {
  if (!attempt_) return;
  auto progress = from_wire(report);
  progress.permille = attempt_->permille = std::max(attempt_->permille, progress.permille);
  waiting_progress_ = ports::worker_progress{attempt_->attempt, attempt_->task, std::move(progress)};
  if (steady::now() >= progress_allowed_at_) flush_progress();
}

void worker_loop::flush_progress() {
  progress_allowed_at_ = steady::now() + progress_distance;
  read_since_flush_ = 0;
  on_event_(*std::exchange(waiting_progress_, std::nullopt));
}

void worker_loop::begin(const model::task_spec& task) {
  stderr_.clear();
  setting_.memory->with([this](auto& ledger) { ledger.begin_attempt(slot_); });
  // What is kept would stay for as long as the task takes, and others would wait for it.
  if (kept_ > bytes{0} && task.memory == bytes{0} && !model::runs_network(task.kind)) drop_kept();
  if (task.memory == bytes{0} || claim_declared(task)) give(task);
}

void worker_loop::give(const model::task_spec& task) {
  if (auto failure = send_task(task)) {
    attempt_.reset();
    phase_ = phase::idle;
    end_claims();
    refuse(task, std::move(*failure));
    return;
  }
  check_use_at_ = steady::now() + use_distance;
  phase_ = phase::running;
}

std::optional<model::attempt_failure> worker_loop::send_task(const model::task_spec& task) {
  ++attempts_;
  auto directory = spare_ ? result<attempt_directory>{std::move(*spare_)} : attempt_directory::make(directory_, attempts_);
  spare_.reset();
  if (!directory) return make_failure(failure_cause::failed, directory.error().detail);
  attempt_.emplace(running_attempt{task.task, task.attempt, std::move(*directory), task.memory,
                                   task.memory > bytes{0} ? resident_bytes(process_.pid) : 0});
  auto message = make_run_task(task, attempt_->directory, setting_.store);
  if (auto* const missing = std::get_if<model::attempt_failure>(&message)) return std::move(*missing);
  proto::to_worker envelope;
  *envelope.mutable_run() = std::get<proto::run_task>(std::move(message));
  add_peaks(task, *envelope.mutable_run());
  auto frame = frame_of(envelope);
  if (!frame) return make_failure(failure_cause::bad_input, frame.error().detail);
  to_send_ += *frame;
  write_channel();
  return std::nullopt;
}

void worker_loop::refuse(const model::task_spec& task, model::attempt_failure failure) {
  on_event_(ports::worker_failed{task.attempt, task.task, std::move(failure)});
}

void worker_loop::on_finished(const proto::task_finished& end) {
  if (!attempt_) return kill_tree("it spoke nonsense: it finished a task that it was not given");
  read_log(16 * read_bytes);  // what it wrote before it finished
  waiting_progress_.reset();
  if (end.has_failed() && ends_by_device(end.failed())) return;  // the failure is told when the worker is gone
  if (end.done().files_size() > 0) on_event_(ports::worker_storing{attempt_->attempt, attempt_->task});
  auto outcome = end.has_done() ? take_outputs(end.done(), attempt_->directory, setting_.options.output_most, setting_.store)
                                : error{errc::internal, "the worker ended a task without saying how"};
  if (end.has_done() && setting_.place && !attempt_->network.empty()) setting_.place->gate->worked();
  learn(end);
  auto ended = std::exchange(attempt_, std::nullopt);
  if (phase_ == phase::running) phase_ = phase::idle;
  on_kept(end.kept());
  end_claims();
  if (has_done_its_share()) on_event_(ports::worker_leaving{});  // before the slot asks for the next one
  if (outcome) {
    on_event_(ports::worker_done{ended->attempt, ended->task, std::move(*outcome)});
  } else {
    auto failure = end.has_failed() ? from_wire(end.failed()) : make_failure(failure_cause::failed, outcome.error().detail);
    failure.stderr_text = stderr_.text();
    on_event_(ports::worker_failed{ended->attempt, ended->task, std::move(failure)});
  }
  if (ended->directory.is_untouched()) spare_.emplace(std::move(ended->directory));
  ended.reset();  // removes the scratch directory; nobody waits for that
  after_attempt();
}

bool worker_loop::has_done_its_share() const { return attempts_ >= setting_.options.recycle_after; }

void worker_loop::after_attempt() {
  if (exited_ || phase_ != phase::idle) return;
  if (stop_wanted_) return ask_to_end("it was stopped by the node");
  if (has_done_its_share()) return ask_to_end(fmt::format("it was replaced after {} tasks", attempts_));
  is_to_be_weighed_ = true;
  if (steady::now() >= weigh_at_) weigh();
}

void worker_loop::weigh() {
  is_to_be_weighed_ = false;
  weigh_at_ = steady::now() + weigh_distance;
  const auto resident = resident_bytes(process_.pid);
  const auto growth = resident - std::min(resident, first_resident_.value_or(resident));
  if (!first_resident_) first_resident_ = resident;
  if (growth > setting_.options.growth_most.count())
    ask_to_end(fmt::format("it was replaced because its memory grew by {} MiB", growth >> 20));
}

void worker_loop::ask_to_end(std::string why) {
  phase_ = phase::ending;
  ending_because_ = std::move(why);
  end_deadline_ = steady::now() + setting_.options.kill_grace;
  proto::to_worker message;
  message.mutable_stop();
  send(message);
}

void worker_loop::kill_tree(std::string why, failure_cause cause) {
  if (std::exchange(killed_, true)) return;
  ending_because_ = std::move(why);
  kill_cause_ = cause;
  waiting_progress_.reset();
  const int signal = setting_.spaces == namespaces::none ? SIGTERM : SIGKILL;
  ::syscall(SYS_pidfd_send_signal, process_.process.get(), signal, nullptr, 0);
  end_deadline_ = steady::now() + kill_patience;
}

std::string worker_loop::how_it_ended() {
  siginfo_t end{};
  const bool known = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.process.get()), &end, WEXITED) == 0;
  if (killed_) return ending_because_;
  int status = 0;
  const bool told = ::read(process_.status.get(), &status, sizeof status) == sizeof status;
  const bool by_signal = told ? WIFSIGNALED(status) : known && end.si_code != CLD_EXITED;
  const int number = !told ? end.si_status : by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
  if (by_signal) {
    return fmt::format("the worker was ended by signal SIG{} ({}){}", sigabbrev_np(number), number,
                       number == SIGKILL ? ", not by this node: perhaps there was no memory left" : "");
  }
  if (phase_ == phase::ending && number == 0) return ending_because_;
  return fmt::format("the worker ended by itself with exit code {}", number);
}

void worker_loop::finish() {
  read_log(rest_most);
  if (!killed_ && !broken_) {
    waiting_progress_.reset();
    read_channel(rest_most);
  }
  ports::worker_exited exited{how_it_ended(), std::nullopt};
  if (setting_.spaces == namespaces::none && !kill_scope(directory_.native() + "/"))
    log::error("worker_leftovers", "slot={} scope={}: processes cannot be killed", slot_, directory_.native());
  if (attempt_) {
    exited.failure = make_failure(kill_cause_, exited.how);
    exited.failure->stderr_text = stderr_.text();
  }
  attempt_.reset();
  setting_.memory->leave(slot_);
  if (setting_.place) setting_.place->gate->leave(slot_);
  remove_tree(directory_);
  for (const auto& late : commands_.take().orders) refused_ = refused_ || std::holds_alternative<model::task_spec>(late);
  refused_ = refused_ || held_back_.has_value();
  if (refused_ && !exited.failure)
    exited.failure = make_failure(failure_cause::handed_back, "the worker ended before the attempt began: " + exited.how);
  log::info("worker_exited", "slot={} pid={} how=\"{}\"", slot_, process_.pid, exited.how);
  on_event_(std::move(exited));
}

supervisor::supervisor(std::shared_ptr<const supervisor_setting> setting)
    : setting_(std::move(setting)),
      written_(std::make_shared<stderr_keeper>(setting_->options.stderr_head, setting_->options.stderr_tail)) {}

result<std::unique_ptr<ports::worker_handle>> supervisor::start(std::shared_ptr<const supervisor_setting> setting,
                                                                std::uint16_t slot, std::filesystem::path directory,
                                                                event_sink on_event) {
  std::unique_ptr<supervisor> made{new supervisor{std::move(setting)}};
  if (!made->commands_.is_open()) return error{errc::process_failed, "no descriptor is left for a worker (ulimit -n)"};
  std::promise<result<void>> started;
  auto answer = started.get_future();
  made->thread_ = std::thread{[&box = made->commands_, keep = made->setting_, written = made->written_, slot,
                               where = std::move(directory), sink = std::move(on_event), told = std::move(started)]() mutable {
    worker_loop loop{*keep, slot, std::move(where), box, *written, std::move(sink)};
    const auto outcome = loop.start();
    told.set_value(outcome);
    if (outcome) loop.run();
  }};
  TROUPE_CHECK(answer.get());
  return std::unique_ptr<ports::worker_handle>{std::move(made)};
}

supervisor::~supervisor() {
  commands_.kill();
  TROUPE_ASSERT(thread_.get_id() != std::this_thread::get_id(), "a worker's handle is not destroyed within its own event");
  if (thread_.joinable()) thread_.join();
}

void supervisor::run(const model::task_spec& task) { commands_.run(task); }
void supervisor::stop() { commands_.stop(); }
void supervisor::kill() { commands_.kill(); }

}  // namespace troupe::worker
