#include "worker/stages/exec.hpp"

#include "worker/shepherd.hpp"
#include "worker/stages/exec_lines.hpp"
#include "worker/stages/exec_process.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <list>

namespace troupe::worker {
namespace {

constexpr std::size_t warm_most = 2;

/// Words that are paths into the pipeline's folder become absolute: "./x" and "../x"; in first place "x/y" (a bare word there is
/// looked up in PATH); in other places what names a file there.
std::vector<std::string> resolved(const proto::exec_program& program) {
  std::vector<std::string> command;
  for (const auto& word : program.command()) {
    const auto path =
        (std::filesystem::path{program.directory()} / word).lexically_normal();  // an absolute word stays what it is
    std::error_code missing;
    const bool is_path =
        word.starts_with("./") || word.starts_with("../")
        || (command.empty() ? word.find('/') != std::string::npos : std::filesystem::is_regular_file(path, missing));
    command.push_back(is_path ? path.native() : word);
  }
  return command;
}

class exec_runner : public stage_runner {
 public:
  result<outputs> run(const task& work, progress_sink& progress) override {
    if (!work.program || work.program->command().empty()) return error{errc::internal, "an exec stage without a command"};
    auto outcome = work.program->serve() ? run_warm(work, progress) : run_once(work, progress);
    const auto is_warm = [this](int pid) {
      return std::any_of(warm_.begin(), warm_.end(), [pid](const auto& entry) { return entry.process->pid() == pid; });
    };
    if (!kill_children_except(is_warm)) return error{errc::internal, "processes that the program left behind cannot be killed"};
    return outcome;
  }

 private:
  struct warm_process {
    std::vector<std::string> command;
    std::filesystem::path directory;
    std::unique_ptr<exec_process> process;
    bool has_served = false;  ///< a task
  };

  static result<outputs> run_once(const task& work, progress_sink& progress) {
    const exec_launch launch{
        resolved(*work.program),
        work.scratch,
        {fmt::format("TROUPE_TASK_KEY={}", work.key), fmt::format("TROUPE_ATTEMPT={}", work.attempt),
         fmt::format("TROUPE_OUT={}", work.out.native()), fmt::format("TROUPE_THREADS={}", work.threads),
         fmt::format("TROUPE_PIPELINE_DIR={}", work.program->directory()), fmt::format("TMPDIR={}", work.scratch.native())}};
    TROUPE_TRY(const auto process, exec_process::start(launch));
    exec_answers answers{work, progress};
    TROUPE_CHECK(process->talk(exec_request(work), answers, false));
    if (answers.said_error()) return *answers.said_error();
    if (auto failure = failure_of(process->end())) return std::move(*failure);
    return answers.take();
  }

  result<outputs> run_warm(const task& work, progress_sink& progress) {
    TROUPE_TRY(auto* const entry, warm_for(work));
    exec_answers answers{work, progress};
    const auto talked = entry->process->talk(exec_request(work), answers, true);
    if (talked && answers.is_over()) {
      entry->has_served = true;
      if (answers.said_error()) return *answers.said_error();
      return answers.take();
    }
    const bool died_before = talked && entry->has_served && !entry->process->took_request();
    const auto status = entry->process->end();
    warm_.pop_front();
    if (died_before) return run_warm(work, progress);  // by a program that is new: whatever comes of it is the outcome
    if (!talked) return talked.error();
    const auto how = failure_of(status);
    return error{errc::process_failed, how ? how->detail + " within a task"
                                           : "the program ended within a task; in serve mode it must go on until its input ends"};
  }

  /// The running process for the task's command, most recently used in front; a dead one is replaced.
  result<warm_process*> warm_for(const task& work) {
    auto command = resolved(*work.program);
    std::filesystem::path directory = work.program->directory().empty() ? "/" : work.program->directory();
    warm_.remove_if([](const auto& entry) { return entry.process->has_exited(); });
    const auto found = std::find_if(warm_.begin(), warm_.end(),
                                    [&](const auto& entry) { return entry.command == command && entry.directory == directory; });
    if (found != warm_.end()) {
      warm_.splice(warm_.begin(), warm_, found);
      warm_.front().process->discard_output();
      return &warm_.front();
    }
    if (warm_.size() >= warm_most) warm_.pop_back();
    TROUPE_TRY(auto process, exec_process::start({command,
                                                  directory,
                                                  {"TROUPE_SERVE=1", fmt::format("TROUPE_THREADS={}", work.threads),
                                                   fmt::format("TROUPE_PIPELINE_DIR={}", work.program->directory())}}));
    warm_.push_front({std::move(command), std::move(directory), std::move(process)});
    return &warm_.front();
  }

  std::list<warm_process> warm_;
};

}  // namespace

std::unique_ptr<stage_runner> make_exec_runner() { return std::make_unique<exec_runner>(); }

}  // namespace troupe::worker
