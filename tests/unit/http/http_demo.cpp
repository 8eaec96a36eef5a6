// Serves the page over fake actors, to look at it: http_demo PORT [VIDEO]. Jobs pretend to work; ends with its standard input.
#include "unit/http/fakes.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

using namespace troupe;
using namespace troupe::http::testing;

namespace {

timestamp now() { return std::chrono::floor<duration>(std::chrono::system_clock::now()); }

void change(world& w, model::job_id id, const std::string& type, const std::function<void(model::job_view&)>& how) {
  {
    const std::lock_guard lock{w.mutex};
    how(w.jobs.at(id));
  }
  w.happen(id, type);
}

void work(world& w, model::job_id id, std::size_t stage, std::uint32_t to) {
  std::string name;
  change(w, id, "attempt_started", [&](model::job_view& job) {
    job.state = model::job_state::running;
    if (!job.started) job.started = now();
    job.stages[stage].state = model::stage_state::running;
    job.stages[stage].started = now();
    name = job.stages[stage].name;
  });
  for (std::uint32_t done = 0; done <= to; done += 20) {
    model::progress_event event;
    event.job = id;
    event.stage = name;
    event.attempt = model::attempt_no{1};
    event.progress.permille = done;
    event.progress.eta = std::chrono::milliseconds{(1000 - done) * 8};
    {
      const std::lock_guard lock{w.mutex};
      w.jobs.at(id).stages[stage].progress = event.progress;
    }
    w.deliver(event, id);
    std::this_thread::sleep_for(std::chrono::milliseconds{25});
  }
  if (to < 1000) return;
  change(w, id, "stage_done", [&](model::job_view& job) {
    job.stages[stage].state = model::stage_state::done;
    job.stages[stage].progress.permille = 1000;
    job.stages[stage].ended = now();
  });
}

model::job_id add(served& s, const char* text, model::job_state state) {
  const auto id = s.add_job(state);
  const std::lock_guard lock{s.w.mutex};
  auto& job = s.w.jobs.at(id);
  job.inputs = model::packed_object{{{"text", text}}};
  job.created = now() - std::chrono::minutes{8 - static_cast<int>(id.raw())};
  job.started = job.created;
  return id;
}

void finish(served& s, model::job_id id, const digest& video) {
  change(s.w, id, "succeeded", [&](model::job_view& job) {
    job.result = {{"video", model::json::object{{"artifact", video.hex()}}}, {"duration_ms", 4000}};
    job.ended = now();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const auto port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080);
  served s{[&](auto& options) { options.port = port; }};
  s.w.clock = now;
  std::ostringstream bytes;
  if (argc > 2) bytes << std::ifstream{argv[2], std::ios::binary}.rdbuf();
  const auto video = s.artifacts.put(bytes.str(), "video/mp4");

  finish(s, add(s, "Welcome to the theatre: the curtain rises at eight.", model::job_state::running), video);
  const auto failed = add(s, "A picture that is no picture", model::job_state::running);
  change(s.w, failed, "failed", [](model::job_view& job) {
    job.failure = model::job_failure{"still", model::failure_cause::bad_input,
                                     "The image has no pixels: 'cat.png' is not a PNG, JPEG or WebP file."};
    job.stages[0].state = model::stage_state::done;
    job.stages[0].progress.permille = 1000;
    job.stages[1].state = model::stage_state::failed;
    job.stages[1].last_failure =
        model::attempt_failure{model::failure_cause::bad_input, "not an image", "still: cat.png: invalid data found\n"};
    job.ended = job.started.value() + std::chrono::seconds{3};
  });
  work(s.w, add(s, "Good evening, and thank you for coming.", model::job_state::queued), 0, 640);
  add(s, "This one waits for a free slot", model::job_state::queued);
  std::thread worker{[&] {  // takes what is submitted
    for (std::uint64_t next = 5;; ++next) {
      while (true) {
        {
          const std::lock_guard lock{s.w.mutex};
          if (s.w.is_silent) return;
          if (s.w.next_id > next) break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
      }
      const model::job_id id{next};
      std::size_t stages = 0;
      {
        const std::lock_guard lock{s.w.mutex};
        stages = s.w.jobs.at(id).stages.size();
      }
      for (std::size_t stage = 0; stage < stages; ++stage) work(s.w, id, stage, 1000);
      finish(s, id, video);
    }
  }};
  std::cout << "http://127.0.0.1:" << s.port() << "/" << std::endl;
  std::cin.get();
  {
    const std::lock_guard lock{s.w.mutex};
    s.w.is_silent = true;
  }
  worker.join();
}
