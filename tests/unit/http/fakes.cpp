#include "unit/http/fakes.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace troupe::http::testing {

void init_types() {
  static const bool done = [] {
    caf::init_global_meta_objects<caf::id_block::troupe_public>();
    caf::core::init_global_meta_objects();
    return true;
  }();
  (void)done;
}

// -- the world --------------------------------------------------------------------------------------------------------

void world::happen(model::job_id job, const std::string& type, bool is_lost) {
  model::job_event event;
  {
    const std::lock_guard lock{mutex};
    auto& view = jobs.at(job);
    event.job = job;
    event.revision = ++view.revision;
    event.type = type;
    event.at = fake_now;
    if (const auto state = model::job_state_from(type); state && is_final(*state)) {
      view.state = *state;
      view.ended = fake_now;
    }
    journal[job].push_back(event);
  }
  if (!is_lost) deliver(event, job);
}

void world::progress(model::job_id job, std::uint32_t permille) {
  model::progress_event event;
  event.job = job;
  event.stage = "still";
  event.attempt = model::attempt_no{1};
  event.progress.permille = permille;
  deliver(event, job);
}

void world::deliver(const actors::live_event& event, model::job_id job) {
  std::vector<std::shared_ptr<actors::event_sink>> to;
  {
    const std::lock_guard lock{mutex};
    for (const auto& [wanted, sink] : listeners) {
      if (wanted && *wanted != job) continue;
      if (auto alive = sink.lock()) to.push_back(std::move(alive));
    }
  }
  const auto shared = std::make_shared<const actors::live_event>(event);
  for (const auto& sink : to) sink->push(shared);
}

void world::set_state(model::job_id job, model::job_state state) {
  const std::lock_guard lock{mutex};
  jobs.at(job).state = state;
}

std::size_t world::live_listeners() {
  const std::lock_guard lock{mutex};
  return static_cast<std::size_t>(std::ranges::count_if(listeners, [](const auto& entry) { return !entry.second.expired(); }));
}

// -- actors -----------------------------------------------------------------------------------------------------------

namespace {

using jobs_self = actors::jobs_actor::pointer;

/// Answers, refuses or keeps silent, as the world says.
template <class Reply, class Make>
caf::result<Reply> respond(jobs_self self, world& w, std::shared_ptr<std::vector<caf::response_promise>> kept, Make make) {
  const std::lock_guard lock{w.mutex};
  if (w.is_silent) {
    kept->push_back(self->make_response_promise());
    return caf::delegated<Reply>{};
  }
  if constexpr (std::is_constructible_v<Reply, error>) {
    if (w.refuse_with) return Reply{*w.refuse_with};
  }
  return make();
}

model::job_view view_for(const actors::submit_job& command, model::job_id id, model::measure how) {
  model::job_view job;
  job.id = id;
  job.tenant = command.tenant;
  job.pipeline = command.pipeline->name;
  job.pipeline_hash = command.pipeline->hash;
  job.revision = 1;
  job.priority = command.priority;
  job.labels = command.labels;
  job.deadline = command.deadline;
  const bool is_cheaper = command.cheaper_inputs && how >= model::measure::cheaper;
  job.inputs = is_cheaper ? *command.cheaper_inputs : command.inputs;
  for (const auto& stage : command.pipeline->stages) {
    model::stage_view view;
    view.name = stage.name;
    view.kind = stage.kind;
    view.state = stage.needs.empty() ? model::stage_state::ready : model::stage_state::waiting;
    view.reason = stage.needs.empty() ? "no slot is free" : "waits for other stages";
    job.stages.push_back(std::move(view));
  }
  return job;
}

actors::submit_reply submit(world& w, const actors::submit_job& command) {
  w.submissions.push_back(command);
  if (command.idempotency_key) {
    if (const auto known = w.keys.find(*command.idempotency_key); known != w.keys.end()) {
      if (known->second.second != command.request_hash) return error{errc::conflict, "the key was used for another request"};
      return actors::submitted{w.jobs.at(known->second.first), false};
    }
  }
  const auto id = model::job_id{w.next_id++};
  const auto how = w.degraded.of_priority(command.priority);
  auto job = view_for(command, id, how);
  job.created = w.clock();
  w.jobs[id] = job;
  model::job_event event;
  event.job = id;
  event.revision = 1;
  event.type = "submitted";
  event.at = fake_now;
  w.journal[id] = {event};
  if (command.idempotency_key) w.keys[*command.idempotency_key] = {id, command.request_hash};
  auto cheaper = actors::cheaper_inputs::none;
  if (how >= model::measure::cheaper && !command.pipeline->cheaper.empty())
    cheaper = command.cheaper_inputs ? actors::cheaper_inputs::used : actors::cheaper_inputs::offered;
  return actors::submitted{std::move(job), true, w.expected_wait, how, cheaper};
}

actors::job_reply get(world& w, model::job_id id) {
  ++w.gets;
  const auto at = w.jobs.find(id);
  if (at == w.jobs.end()) return error{errc::not_found, "there is no job " + id.text()};
  return at->second;
}

actors::job_reply cancel(world& w, const actors::cancel_job& command) {
  const auto at = w.jobs.find(command.id);
  if (at == w.jobs.end()) return error{errc::not_found, "there is no job " + command.id.text()};
  if (is_final(at->second.state) && at->second.state != model::job_state::cancelled)
    return error{errc::conflict, "the job has ended"};
  at->second.state = model::job_state::cancelled;
  return at->second;
}

/// As in the state: newest first, bytes of any value.
std::string cursor_of(model::job_id id) {
  std::string key{"l"};
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(~id.raw() >> shift & 0xff);
  return key;
}

actors::jobs_reply list(world& w, const actors::list_jobs& query) {
  actors::jobs_page page;
  page.as_of = 7;
  for (auto at = w.jobs.rbegin(); at != w.jobs.rend(); ++at) {
    if (!query.cursor.empty() && cursor_of(at->first) <= query.cursor) continue;
    if (query.state && at->second.state != *query.state) continue;
    if (query.pipeline && at->second.pipeline != *query.pipeline) continue;
    if (page.jobs.size() == query.limit) {
      page.next_cursor = cursor_of(page.jobs.back().id);
      break;
    }
    page.jobs.push_back(at->second);
    page.jobs.back().stages.clear();
  }
  return page;
}

actors::events_reply events(world& w, const actors::get_events& query) {
  ++w.journal_reads;
  std::vector<model::job_event> out;
  for (const auto& event : w.journal[query.id]) {
    if (event.revision > query.after && out.size() < query.limit) out.push_back(event);
  }
  return out;
}

actors::jobs_actor::behavior_type jobs_behavior(jobs_self self, world* w) {
  const auto kept = std::make_shared<std::vector<caf::response_promise>>();
  return {
      [=](const actors::submit_job& m) { return respond<actors::submit_reply>(self, *w, kept, [&] { return submit(*w, m); }); },
      [=](const actors::submit_batch& m) {
        return respond<actors::batch_reply>(self, *w, kept, [&] {
          ++w->batches;
          actors::batch_reply all;
          for (const auto& job : m.jobs)
            all.replies.push_back(w->refuse_with ? actors::submit_reply{*w->refuse_with} : submit(*w, job));
          return all;
        });
      },
      [=](const actors::get_job& m) {
        std::function<void()> hook;
        {
          const std::lock_guard lock{w->mutex};
          hook = std::exchange(w->before_get_answer, nullptr);
        }
        auto answer = respond<actors::job_reply>(self, *w, kept, [&] { return get(*w, m.id); });
        if (hook) hook();
        return answer;
      },
      [=](const actors::cancel_job& m) { return respond<actors::job_reply>(self, *w, kept, [&] { return cancel(*w, m); }); },
      [=](const actors::list_jobs& m) { return respond<actors::jobs_reply>(self, *w, kept, [&] { return list(*w, m); }); },
      [=](const actors::get_events& m) { return respond<actors::events_reply>(self, *w, kept, [&] { return events(*w, m); }); },
      [=](const actors::get_position&) {
        return respond<actors::position_reply>(self, *w, kept, [&] { return actors::state_position{w->position}; });
      },
  };
}

actors::hub_actor::behavior_type hub_behavior(actors::hub_actor::pointer, world* w) {
  return {[=](const actors::subscribe& m) {
    const std::lock_guard lock{w->mutex};
    w->listeners.emplace_back(m.job, m.sink);
    return true;
  }};
}

actors::node_actor::behavior_type node_behavior(actors::node_actor::pointer, world* w) {
  const auto change = [=](const actors::change_node& command) -> actors::node_reply {
    const std::lock_guard lock{w->mutex};
    w->node_changes.push_back(command);
    if (command.node != model::node_id{0xabc}) return error{errc::not_found, "no such node belongs to the cluster"};
    if (command.what == actors::change_node::action::remove) return error{errc::conflict, "it is the only voter"};
    return std::vector<actors::member_view>{{command.node, model::incarnation{3}, "127.0.0.1:8080", "leader", "draining", 1}};
  };
  const auto get = [=](const actors::get_node&) {
    const std::lock_guard lock{w->mutex};
    actors::node_view node;
    node.id = model::node_id{0xabc};
    node.boot = model::incarnation{3};
    node.ready = w->is_ready;
    node.why_not_ready = w->is_ready ? "" : "no leader yet";
    node.labels = {"cpu"};
    node.slots.push_back({0, "idle", {}, "", 0, 0, 5, 1});
    node.members.push_back({node.id, node.boot, "127.0.0.1:8080", "leader", "active", 0});
    node.queue_limit = 10000;
    node.shards.push_back({{}, node.id, "leader", 2, 17, 0});
    return node;
  };
  const auto cluster = [=](const actors::get_cluster&) {
    actors::cluster_view view;
    view.seen_by = model::node_id{0xabc};
    view.leads = true;
    view.leader = view.seen_by;
    view.term = 4;
    view.version = view.reads.most = 2;
    view.voters = 1;
    view.losses_survived = 0;
    view.nodes.push_back({view.seen_by, model::incarnation{3}, "127.0.0.1:8080", "leader", "active", 0,
                          model::node_traits{"0.9", {1, 2}, "rack", true, false, 0, {"gpu"}}, 0, 0ms});
    view.alarms.push_back({"node_silent", "it is silent"});
    view.decisions.push_back({fake_now, "members_changed", "it has caught up", false});
    return view;
  };
  const auto plan = [=](const actors::plan_drain& query) -> actors::drain_reply {
    if (query.node != model::node_id{0xabc}) return error{errc::not_found, "no such node belongs to the cluster"};
    model::drain_plan would;
    would.node = would.leader = query.node;
    would.tasks = 2;
    would.labels_lost = {"gpu"};
    would.why_not_removable = "it is the only voter";
    return would;
  };
  const auto queue = [=](const actors::get_queue& query) -> actors::queue_reply {
    const std::lock_guard lock{w->mutex};
    auto view = w->queue;
    if (query.pipeline && w->jobs_of.contains(*query.pipeline)) view.jobs_of_pipeline = w->jobs_of.at(*query.pipeline);
    return view;
  };
  const auto pause = [=](const actors::change_queue& command) -> actors::queue_reply {
    const std::lock_guard lock{w->mutex};
    w->queue_changes.push_back(command);
    auto& pauses = w->queue.pauses;
    auto view = w->queue;
    view.changed = std::erase_if(pauses, [&](const auto& each) { return each.of == command.of; }) == 0;
    if (command.what == actors::change_queue::action::resume)
      view.changed = !view.changed;
    else
      pauses.push_back({command.of, {fake_now, command.reason}, 3, 2});
    view.pauses = pauses;
    return view;
  };
  const auto degrade = [=](const actors::degrade_queue&) -> actors::queue_reply { return w->queue; };
  const auto keep = [](const actors::keep_scaling&) -> actors::scaling_reply { return std::string{}; };
  return {get, cluster, plan, change, queue, pause, degrade, keep};
}

}  // namespace

actors::handles spawn_fakes(caf::actor_system& system, world& w) {
  return {system.spawn(jobs_behavior, &w), system.spawn(hub_behavior, &w), system.spawn(node_behavior, &w)};
}

// -- artifacts --------------------------------------------------------------------------------------------------------

namespace {

class fake_writer final : public model::ports::artifact_writer {
 public:
  explicit fake_writer(fake_artifacts& store) : store_(store) { ++store_.open_writers; }
  ~fake_writer() override { --store_.open_writers; }
  result<void> write(std::string_view data) override {
    if (content_.size() + data.size() > store_.most.count())
      return error{errc::no_space, "the disk is full", std::chrono::milliseconds{5000}};
    content_ += data;
    return {};
  }
  result<model::artifact_ref> commit(std::string_view media_type) override {
    return *store_.stat(store_.put(content_, media_type));
  }

 private:
  fake_artifacts& store_;
  std::string content_;
};

}  // namespace

fake_artifacts::fake_artifacts() {
  std::string pattern = (std::filesystem::temp_directory_path() / "troupe-http-XXXXXX").string();
  directory = ::mkdtemp(pattern.data());
}
fake_artifacts::~fake_artifacts() { std::filesystem::remove_all(directory); }

result<std::unique_ptr<model::ports::artifact_writer>> fake_artifacts::begin() {
  return std::unique_ptr<model::ports::artifact_writer>{std::make_unique<fake_writer>(*this)};
}
result<model::artifact_ref> fake_artifacts::ingest(const std::filesystem::path&, std::string_view) {
  return error{errc::internal, "the edge never ingests"};
}
result<model::artifact_ref> fake_artifacts::stat(const digest& hash) const {
  const std::lock_guard lock{mutex};
  const auto at = known.find(hash);
  if (at == known.end()) return error{errc::not_found, "there is no artifact " + hash.hex()};
  return at->second;
}
result<model::ports::touched_artifact> fake_artifacts::touch(const digest& hash) {
  TROUPE_TRY(auto known_one, stat(hash));
  return model::ports::touched_artifact{std::move(known_one), duration{}};
}
result<std::filesystem::path> fake_artifacts::path_of(const digest& hash) const { return directory / hash.hex(); }

digest fake_artifacts::put(std::string_view content, std::string_view media_type) {
  const auto hash = sha256_of(content);
  std::ofstream{directory / hash.hex(), std::ios::binary} << content;
  const std::lock_guard lock{mutex};
  known[hash] = {hash, bytes{content.size()}, std::string{media_type}};
  return hash;
}

std::shared_ptr<const model::installed_models> fake_models::now() const {
  if (!are_known) return nullptr;
  return std::make_shared<const model::installed_models>(model::installed_models{
      {"broken", {"broken", "/models/broken.yaml", "", "", 1, "/models/broken.onnx: this is no ONNX model"}},
      {"larger", {"larger", "/models/larger.yaml", "upscale", "Twice as large.", 2, {}}},
      {"people", {"people", "/models/people.yaml", "detect", "", 1, {}, {"person", "face"}}}});
}

// -- pipelines and the server -----------------------------------------------------------------------------------------

model::pipeline_registry fake_pipelines() {
  const auto input = [](std::string name, model::value_type type, bool required) {
    model::value_spec spec;
    spec.name = std::move(name);
    spec.type = type;
    spec.required = required;
    return spec;
  };
  auto talk = std::make_shared<model::pipeline>();
  talk->name = "talk";
  talk->description = "Speaks a text over a picture.";
  talk->hash = sha256_of("talk");
  talk->inputs = {input("image", model::value_type::image, false), input("text", model::value_type::text, true),
                  input("voice", model::value_type::text, false), input("captions", model::value_type::boolean, false)};
  talk->inputs[2].choices = {"slt", "kal"};
  talk->inputs[2].fallback = "slt";
  talk->cheaper = {{"voice", "kal"}};
  talk->inputs[3].fallback = true;
  model::stage speak;
  speak.name = "speak";
  speak.kind = model::stage_kind::media_speak;
  model::stage still;
  still.name = "still";
  still.kind = model::stage_kind::media_still;
  still.needs = {0};
  talk->stages = {speak, still};
  auto slides = std::make_shared<model::pipeline>();
  slides->name = "slides";
  slides->hash = sha256_of("slides");
  slides->inputs = {input("images", model::value_type::image, true)};
  slides->inputs[0].list = true;
  slides->stages = {still};
  slides->stages[0].needs.clear();
  return {{"talk", talk}, {"slides", slides}};
}

served::served(std::function<void(server_options&)> change, std::function<services(services)> replace)
    : system((init_types(), config)), handles(spawn_fakes(system, w)), pipelines(fake_pipelines()) {
  server_options options;
  options.port = 0;
  options.blocking_threads = 2;
  if (change) change(options);
  services with{system, handles, artifacts, pipelines, [] { return std::string{"troupe_fake 1\n"}; }};
  with.roll = &roll;
  with.actors_shown = &shown;
  with.models = &models;
  running = server::start(options, replace ? replace(with) : with).value();
}

served::~served() {
  running->stop(duration{5000});
  running.reset();
  for (const auto& handle : {caf::actor_cast<caf::actor>(handles.jobs), caf::actor_cast<caf::actor>(handles.hub),
                             caf::actor_cast<caf::actor>(handles.node)}) {
    caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
  }
  handles = {};
}

model::job_id served::add_job(model::job_state state) {
  actors::submit_job command;
  command.tenant = "default";
  command.pipeline = pipelines.at("talk");
  command.inputs = model::packed_object{{{"text", "hello"}}};
  const std::lock_guard lock{w.mutex};
  const auto job = submit(w, command)->job;
  w.jobs[job.id].state = state;
  w.submissions.clear();
  return job.id;
}

}  // namespace troupe::http::testing
