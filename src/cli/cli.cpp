#include "cli/cli.hpp"

#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/config_command.hpp"
#include "cli/interrupt.hpp"
#include "cli/local_file.hpp"
#include "cli/plan_command.hpp"
#include "cli/scale_command.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>

namespace troupe::cli {
namespace {

constexpr const char* footer =
    "Exit status: 0 done; 1 the job failed; 2 wrong arguments or configuration; 3 the node cannot be reached;\n"
    "4 the node refused (4xx); 5 the node failed (5xx); 6 the job was cancelled; 7 a file here cannot be read or\n"
    "written; 130 interrupted. TROUPE_URL, TROUPE_KEY and TROUPE_CA stand for --url, the key of --key-file, and --ca.";

void tell_person(const std::string& line) { std::fputs(("troupe: " + line + "\n").c_str(), stderr); }

using action = std::function<outcome<exit_code>()>;

/// The options of all commands and what was chosen. Lives as long as the parse.
struct program {
  CLI::App app{"Troupe: a complete server for GPU video jobs, and its client.", "troupe"};
  global_options global;
  submit_command submit;
  jobs_command jobs;
  std::string id, reason, hash, output, ca_directory, token_lasts = "1h";
  std::string inspected;
  bool watches_cluster = false, watches_it = false, is_once = false;
  roll_options roll;
  std::vector<std::string> files;
  model_bench bench;
  node_options node;
  node_change change;
  queue_change queue;
  std::filesystem::path path;  ///< of this executable
  CLI::App* submit_app = nullptr;
  action chosen;
  std::optional<int> node_status;  ///< of a node that ran: it speaks for itself

  scale_command scale;
  int hold_nodes = 0;
  std::string hold_time = "1h", record_time = "24h", record_step = "1min";
  plan_command plan;

  backup_command backup;
  recover_command recover;
  std::string backup_directory, data;
  local_commands local;

  program(std::filesystem::path program_path, local_commands brought);
  void add_node_commands();
  void add_backup_commands();
  void add_cluster_commands();
  void add_node_changes(CLI::App& node);
  void add_job_commands();
  void add_queue_commands();
  void add_artifact_commands();
  void add_model_commands();
  void add_scale_commands();
  void add_plan_command();
  CLI::App* command(CLI::App& parent, const char* name, const char* description, action what);
};

CLI::App* program::command(CLI::App& parent, const char* name, const char* description, action what) {
  auto* added = parent.add_subcommand(name, description);
  added->fallthrough();
  if (what) added->callback([this, what = std::move(what)] { chosen = what; });
  return added;
}

program::program(std::filesystem::path program_path, local_commands brought)
    : path(std::move(program_path)), local(std::move(brought)) {
  app.require_subcommand(1);
  app.footer(footer);
  app.add_option("--url", global.url, "The node, default http://127.0.0.1:8080")->envname("TROUPE_URL");
  app.add_option("--key-file", global.key_file, "A file with the cluster's API key (or TROUPE_KEY holds the key itself)");
  app.add_option("--ca", global.ca, "The cluster's certificate (ca.crt), for https:// addresses")->envname("TROUPE_CA");
  app.add_option("--patience", global.patience,
                 "How long to go on when the node cannot be reached (default 5s at first contact, then 60s)");
  app.add_flag("--json", global.json, "Results as JSON on standard output");
  add_node_commands();
  add_backup_commands();
  add_job_commands();
  add_queue_commands();
  add_artifact_commands();
  add_model_commands();
  add_scale_commands();
  add_plan_command();
  command(app, "version", "Print the version", [] {
    fmt::print("troupe {}\n", TROUPE_VERSION);
    return outcome<exit_code>{exit_code::ok};
  });
}

void program::add_node_commands() {
  const auto add_config = [this](CLI::App* to) {
    to->add_option("--set", node.settings, "KEY=VALUE of the configuration, may be repeated")->allow_extra_args(false);
  };
  auto* start = command(app, "node", "Run a node; or drain, resume, remove one", {});
  const auto run_it = [this]() -> outcome<exit_code> {
    TROUPE_TRY(const auto config, load_config(node, path));
    node_status = local.run_node(config.values);
    return exit_code::ok;
  };
  start->callback([this, start, run_it] {
    if (start->get_subcommands().empty()) chosen = run_it;
  });
  start->add_option("--config", node.config_file, "Configuration file (config/node.yaml lists all keys)");
  start->add_option("--data", node.data, "Where jobs and files are kept (default ./troupe-data)");
  start->add_option("--listen", node.listen, "HOST:PORT (default 127.0.0.1:8080)");
  start->add_option("--slots", node.slots, "Tasks at once (default: the number of processors)");
  start->add_option("--pipelines", node.pipelines, "The folder of installed pipelines");
  start->add_option("--label", node.labels, "What this node's slots can do, may be repeated")->allow_extra_args(false);
  start->add_option("--seed", node.seeds, "HOST:PORT of a node whose cluster to join, may be repeated")->allow_extra_args(false);
  start->add_option("--join-token", node.join_token, "What `troupe cluster token` has made, to join a cluster with TLS")
      ->envname("TROUPE_JOIN_TOKEN");
  add_config(start);
  add_node_changes(*start);
  add_cluster_commands();
  command(app, "nodes", "List the nodes of the cluster", [this] { return run_nodes(global); });
  command(app, "top", "Nodes, slots, jobs and the busiest actors, live", [this] {
    return run_top(global, is_once);
  })->add_flag("--once", is_once, "Print it one time");
  auto* inspect = command(app, "inspect", "Show what an actor, a shard or a job is at",
                          [this] { return run_inspect(global, inspected, watches_it); });
  inspect
      ->add_option("WHAT", inspected,
                   "slot-0, shard-0, NODE/KIND/NAME (NODE: an id, the beginning of one, or an address), or a job's id")
      ->required();
  inspect->add_flag("--watch", watches_it, "Again every two seconds, until Ctrl-C");
  auto* config = command(app, "config", "Show and check a node's configuration", {});
  config->require_subcommand(1);
  auto* show = command(*config, "show", "What holds, and where each value came from",
                       [this] { return run_config_show(global, node, path); });
  auto* check = command(*config, "check", "Check a configuration file", [this] { return run_config_check(global, node, path); });
  for (auto* each : {show, check}) {
    each->add_option("FILE", node.config_file, "Configuration file");
    add_config(each);
  }
}

void program::add_cluster_commands() {
  auto* cluster =
      command(app, "cluster", "How the cluster is; restart it node by node; begin one that other machines can reach", {});
  cluster->require_subcommand(1);
  auto* init = command(*cluster, "init", "Make the cluster's own authority (CA) and its API key, which is printed once",
                       [this] { return run_cluster_init(global, ca_directory); });
  auto* token = command(*cluster, "token", "Make a token that lets one node join",
                        [this] { return run_cluster_token(global, ca_directory, token_lasts); });
  command(*cluster, "status", "Nodes, alarms and decisions, as the leader sees them", [this] {
    return run_cluster_status(global, watches_cluster);
  })->add_flag("--watch", watches_cluster, "Again every two seconds, until Ctrl-C");
  auto* rolled = command(*cluster, "roll", "Drain, restart and resume one node after the other; the cluster works on meanwhile",
                         [this] { return run_cluster_roll(global, roll); });
  rolled->add_option(
      "--restart-command", roll.restart,
      "What restarts a node, with its {id}, {address}, {host}, {port} put in; without it this waits for you to do it");
  rolled->add_option("--deadline", roll.deadline, "What running tasks get before they are run elsewhere (default 1min)");
  rolled->add_option("--timeout", roll.timeout, "How long to wait for each step of a node (default 10min)");
  for (auto* each : {init, token}) each->add_option("--dir", ca_directory, "The authority's directory")->required();
  token->add_option("--ttl", token_lasts, "How long it can be used (default 1h)");
}

void program::add_backup_commands() {
  auto* take = command(app, "backup", "Copy the jobs of a running cluster into a directory", {});
  take->require_subcommand(0, 1);
  take->add_option("-o,--output", backup.output, "The directory: new, empty, or with a backup of the same cluster");
  take->add_flag("--artifacts", backup.with_artifacts, "With the files that the jobs name; those that are there are not fetched");
  auto* verify = command(*take, "verify", "Read a backup to its last byte, without a node", {});
  verify->add_option("DIR", backup_directory, "The backup")->required();
  take->callback([this, verify] {
    const bool only_verifies = verify->parsed();
    chosen = [this, only_verifies] {
      return only_verifies ? local.verify_backup(global, backup_directory) : local.backup(global, backup);
    };
  });
  auto* restore = command(app, "restore", "Make a new cluster of one node from a backup",
                          [this] { return local.restore(global, backup_directory, data); });
  restore->add_option("DIR", backup_directory, "The backup")->required();
  restore->add_option("--data", data, "The new node's data directory; new or empty")->required();
  auto* recover_app = command(app, "recover", "Say what a stopped node has of a cluster that lost its majority",
                              [this] { return local.recover(global, recover); });
  recover_app->add_option("--data", recover.data, "The node's data directory")->required();
  recover_app->add_flag("--unsafe", recover.is_unsafe, "Make a new cluster of this node alone; what it lacks is lost");
  recover_app->add_flag("--yes", recover.is_confirmed, "Do not ask");
}

void program::add_node_changes(CLI::App& node_app) {
  const auto add = [&](const char* name, const char* description, node_change::action what) {
    auto* added = command(node_app, name, description, [this, what] {
      change.what = what;
      return run_node_change(global, change);
    });
    added->add_option("NODE", change.node, "An id, the beginning of one, or an address; `troupe nodes` lists them")->required();
    return added;
  };
  auto* drain = add("drain", "Give it no more tasks, let others lead and vote in its place", node_change::action::drain);
  drain->add_option("--deadline", change.deadline,
                    "What still runs there after this time, such as 10min, is run elsewhere (without it tasks may take theirs)");
  drain->add_flag("--wait", change.wait, "Until it is drained");
  drain->add_flag("--dry-run", change.is_dry_run, "Only say what would happen");
  drain->add_flag("--yes", change.is_confirmed, "Do not ask");
  add("resume", "Let a drained node work again", node_change::action::resume);
  add("remove", "Take a drained or silent node out of the cluster, for good", node_change::action::remove);
}

void program::add_job_commands() {
  submit_app =
      command(app, "submit", "Submit a job; inputs are written as --NAME VALUE", [this] { return run_submit(global, submit); });
  submit_app->footer(
      "Inputs: --image me.png --text \"Hello\"; a repeated input is a list; @FILE reads a text from a file, - from\n"
      "standard input; files are uploaded first. `troupe pipeline list` shows what each pipeline takes.");
  submit_app->add_option("PIPELINE", submit.request.pipeline, "An installed pipeline")->required();
  submit_app->add_flag("--follow", submit.follow, "Show progress until the job has ended");
  submit_app->add_option("-o,--output", submit.output, "Save the result here (a file, a folder, or - ); implies --follow");
  submit_app->add_option("--key", submit.key, "Idempotency key: the same key is the same job");
  submit_app->add_option("--priority", submit.request.priority, "high, normal, low or 0..9, 9 first");
  submit_app->add_option("--label", submit.request.labels, "KEY=VALUE, may be repeated")->allow_extra_args(false);
  submit_app->add_flag("--accept-cheaper", submit.request.accepts_cheaper,
                       "The pipeline's cheaper inputs will do while the cluster is at its limit");
  submit_app->add_option("--deadline", submit.request.deadline, "Fail the job if it has not ended after this time (10m)");

  auto* list = command(app, "jobs", "List jobs, newest first", [this] { return run_jobs(global, jobs); });
  list->add_option("--state", jobs.state, "queued, running, succeeded, failed, cancelled or dead")
      ->check(CLI::IsMember({"queued", "running", "succeeded", "failed", "cancelled", "dead"}));
  list->add_option("--pipeline", jobs.pipeline, "Only jobs of this pipeline");
  list->add_option("--label", jobs.label, "Only jobs with this label, KEY=VALUE");
  list->add_option("--limit", jobs.limit, "How many (default 20)")->check(CLI::Range(1, 100'000));
  list->add_flag("--watch", jobs.watch, "Again every two seconds, until Ctrl-C");

  auto* one = command(app, "job", "Show one job", [this] { return run_job(global, id); });
  auto* watch = command(app, "watch", "Follow a job to its end", [this] { return run_watch(global, id); });
  auto* cancel = command(app, "cancel", "Cancel a job", [this] { return run_cancel(global, id, reason); });
  for (auto* each : {one, watch, cancel}) each->add_option("ID", id, "The job")->required();
  cancel->add_option("--reason", reason, "Kept with the job");
}

void program::add_queue_commands() {
  auto* shown = command(app, "queue", "Show what is paused; pause and resume a pipeline, or everything", {});
  shown->require_subcommand(0, 1);
  shown->callback([this, shown] {
    if (shown->get_subcommands().empty()) chosen = [this] { return run_queue(global); };
  });
  const auto add = [&](const char* name, const char* description, queue_change::action what) {
    auto* added = command(*shown, name, description, [this, what] {
      queue.what = what;
      return run_queue_change(global, queue);
    });
    // An empty word is most likely a variable that is not set, and would pause everything.
    added->add_option("PIPELINE", queue.pipeline, "The pipeline; without one: everything")->check([](const std::string& given) {
      return given.empty() ? std::string{"the name of a pipeline is empty; leave it out to mean everything"} : std::string{};
    });
    return added;
  };
  add("pause", "Start none of the waiting tasks; what runs goes on, and jobs are taken", queue_change::action::pause)
      ->add_option("--reason", queue.reason, "Shown with each job that waits because of it");
  add("resume", "Let tasks start again", queue_change::action::resume);
}

void program::add_artifact_commands() {
  auto* artifact = command(app, "artifact", "Store and fetch files", {});
  artifact->require_subcommand(1);
  command(*artifact, "put", "Store files; prints their hashes", [this] { return run_artifact_put(global, files); })
      ->add_option("FILE", files, "Files to store")
      ->required();
  auto* get = command(*artifact, "get", "Fetch an artifact and check its SHA-256",
                      [this] { return run_artifact_get(global, hash, output); });
  get->add_option("HASH", hash, "The artifact")->required();
  get->add_option("-o,--output", output, "Where to (a file, or - )");
  command(*artifact, "usage", "What the node has stored and removed", [this] { return run_artifact_usage(global); });
  auto* pipeline = command(app, "pipeline", "List and check pipelines", {});
  pipeline->require_subcommand(1);
  command(*pipeline, "list", "What is installed on the node", [this] { return run_pipeline_list(global); });
  command(*pipeline, "check", "Check pipeline files, without a node", [this] { return run_pipeline_check(global, files); })
      ->add_option("FILE", files, "Pipeline files")
      ->required();
}

void program::add_model_commands() {
  auto* model = command(app, "model", "List, check and time models (ONNX files that stages run)", {});
  model->require_subcommand(1);
  const auto worker = [this] { return path.parent_path() / "troupe-worker"; };
  command(*model, "list", "What the node has", [this] { return run_model_list(global); });
  auto* check = command(*model, "check", "Say whether a model can be used, without a node",
                        [this, worker] { return run_model_check(global, worker(), bench.file); });
  auto* time = command(*model, "bench", "Run a model on this machine and time it",
                       [this, worker] { return run_model_bench(global, worker(), bench); });
  for (auto* each : {check, time})
    each->add_option("FILE", bench.file, "An ONNX file, or the description of one (NAME.yaml)")->required();
  time->add_option("--shape", bench.shape, "Of the first input, such as 1x3x224x224");
  time->add_option("--threads", bench.threads, "Default: all processors");
}

void program::add_scale_commands() {
  auto* scaled =
      command(app, "scale", "How the nodes follow the load: policies checked, tried out in virtual time, and at work", {});
  scaled->require_subcommand(1);
  command(*scaled, "status", "What is decided and why, and which machines there are",
          [this] { return run_scale_status(global); });
  auto* held = command(*scaled, "hold", "So many nodes for a while, whatever the policy says",
                       [this] { return run_scale_hold(global, hold_nodes, hold_time); });
  held->add_option("NODES", hold_nodes, "Within the policy's limits")->required()->check(CLI::Range(0, 1'000'000));
  held->add_option("--for", hold_time, "How long (default 1h)");
  command(*scaled, "release", "End a hold, or the pause after a runaway", [this] { return run_scale_release(global); });
  command(*scaled, "check", "Check policy files, without a node", [this] { return run_scale_check(global, files); })
      ->add_option("FILE", files, "Policy files")
      ->required();
  auto* simulated = command(*scaled, "simulate", "Run a policy over a trace of load, in virtual time",
                            [this] { return run_scale_simulate(global, scale, path); });
  simulated->add_option("--policy", scale.policy, "A policy file, or the name of a shipped one (default: default)");
  simulated
      ->add_option("--trace", scale.trace,
                   "CSV with seconds,arrivals,service_seconds; or burst, diurnal, ramp, saw-tooth, flash-crowd")
      ->required();
  simulated->add_option("--compare", scale.compare, "Another policy, or hpa-1 to hpa-100: Kubernetes' autoscaler at that target");
  simulated->add_option("--environment", scale.environment, "Whose eagerness holds (default production)");
  simulated->add_option("--boot", scale.boot, "How long a node takes to come (default 2min)");
  simulated->add_option("--slots", scale.slots, "Tasks at once on a node (default 1)")->check(CLI::Range(1, 1024));
  simulated->add_option("--price", scale.price, "Of a node for an hour (default 1)")->check(CLI::Range(0.0, 1e6));
  simulated->add_option("--seed", scale.seed, "Of the tasks' times within their row (default 1)");
  simulated->add_option("--svg", scale.svg, "Write a chart here");
  simulated->add_option("--log", scale.log, "Write every decision of the policy here");
  command(*scaled, "trace", "Print a built-in trace as CSV", [this] { return run_scale_trace(scale.trace); })
      ->add_option("NAME", scale.trace, "burst, diurnal, ramp, saw-tooth or flash-crowd")
      ->required();
  auto* recorded = command(*scaled, "record", "Print the load of a running cluster as CSV, from its jobs",
                           [this] { return run_scale_record(global, record_time, record_step); });
  recorded->add_option("--for", record_time, "How far back (default 24h)");
  recorded->add_option("--step", record_step, "Of a row (default 1min)");
  command(*scaled, "replay", "Make the decisions of a log again and compare them bit for bit",
          [this] { return run_scale_replay(global, scale.log); })
      ->add_option("LOG", scale.log, "What simulate --log has written")
      ->required();
}

void program::add_plan_command() {
  auto* planned = command(app, "plan", "How many nodes a load needs, how long it waits, what it costs",
                          [this] { return run_plan(global, plan, path); });
  planned->add_option("--prices", plan.prices, "A YAML file of prices; config/plans has examples")->required();
  planned->add_option("--jobs-per-hour", plan.jobs_per_hour, "The load (default: what the file says)")
      ->check(CLI::Range(1e-6, 1e9));
  planned->add_option("--stage-seconds", plan.stage_seconds, "Of each stage of a job, as in 10,45 (default: what the file says)")
      ->delimiter(',')
      ->check(CLI::Range(1e-3, 1e7));
  planned->add_option("--nodes", plan.nodes, "So many (default: what the file says, else as many as the wait allows)")
      ->check(CLI::Range(1, 10'000));
  planned->add_option("--wait-most", plan.wait_most,
                      "How long 95 % of the jobs may wait at most (default: as long as a job takes)");
  planned->add_option("--hours-per-day", plan.hours_per_day, "That the nodes are there (default 24)")
      ->check(CLI::Range(0.01, 24.0));
  planned->add_option("--policy", plan.policy, "Keep within the bounds of this policy");
}

/// `submit` takes inputs that only the pipeline knows; they are taken out before the parser sees them.
std::vector<std::string> without_inputs(program& self, const std::vector<std::string>& arguments) {
  const auto option_of = [&self](const std::string& name) -> std::optional<bool> {
    const auto* found = self.submit_app->get_option_no_throw(name);
    if (!found) found = self.app.get_option_no_throw(name);
    return found ? std::optional{found->get_items_expected_max() > 0} : std::nullopt;
  };
  std::size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with('-')) {  // the global options in front
    const bool value_follows = arguments[at].find('=') == std::string::npos && option_of(arguments[at]).value_or(false);
    at += value_follows ? 2 : 1;
  }
  if (at >= arguments.size() || arguments[at] != "submit") return arguments;
  const auto start = arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1;
  auto split = split_inputs({start, arguments.end()}, option_of);
  self.submit.inputs = std::move(split.inputs);
  std::vector<std::string> rest{arguments.begin(), start};
  rest.insert(rest.end(), split.known.begin(), split.known.end());
  return rest;
}

int finish(const global_options& global, const outcome<exit_code>& ended) {
  if (ended) return static_cast<int>(*ended);
  const auto& why = ended.error();
  tell_person((why.code == exit_code::interrupted ? "" : "error: ") + why.detail);
  if (global.json) {
    const json::object problem{{"exit_status", static_cast<int>(why.code)}, {"detail", why.detail}};
    fmt::print("{}\n", json::serialize(json::object{{"error", problem}}));
  }
  return static_cast<int>(why.code);
}

/// The API key from where the options say; empty: none.
outcome<std::string> key_of(const global_options& global) {
  const auto* const set = std::getenv("TROUPE_KEY");
  std::string key = set ? set : "";
  if (!global.key_file.empty()) {
    TROUPE_TRY(key, read_text(global.key_file));
  }
  while (!key.empty() && std::isspace(static_cast<unsigned char>(key.back()))) key.pop_back();
  const bool is_key = std::ranges::all_of(key, [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (!is_key || (key.empty() && !global.key_file.empty()))
    return failure{exit_code::usage,
                   fmt::format("{} holds no API key", global.key_file.empty() ? "TROUPE_KEY" : global.key_file)};
  return key;
}

}  // namespace

outcome<api> connect(const global_options& global) {
  TROUPE_TRY(auto key, key_of(global));
  TROUPE_TRY(auto client,
             http_client::make(global.url.empty() ? "http://127.0.0.1:8080" : global.url, {std::move(key), global.ca}));
  api::patience limits;
  if (!global.patience.empty()) {
    const auto given = parse_duration(global.patience);
    if (!given) return failure{exit_code::usage, "--patience " + given.error().detail};
    limits = {.first_contact = *given, .later = *given};
  }
  catch_interrupts();
  return api{std::move(client), limits, tell_person};
}

int run(const std::vector<std::string>& arguments, const std::filesystem::path& path, const local_commands& local) {
  program self{path, local};
  auto rest = without_inputs(self, arguments);
  std::reverse(rest.begin(), rest.end());  // CLI11 takes them from the back
  try {
    self.app.parse(std::move(rest));
  } catch (const CLI::ParseError& wrong) {
    const int code = self.app.exit(wrong);  // prints help or what is wrong
    return code == 0 ? 0 : static_cast<int>(exit_code::usage);
  }
  const auto ended = self.chosen();
  return self.node_status ? *self.node_status : finish(self.global, ended);
}

}  // namespace troupe::cli
