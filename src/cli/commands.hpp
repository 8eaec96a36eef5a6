#pragma once

#include "cli/api.hpp"
#include "cli/failure.hpp"
#include "cli/submit_request.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// What each subcommand does, after its arguments are parsed. Results go to standard output, everything else to standard error.
namespace troupe::cli {

struct global_options {
  std::string url;
  std::string patience;  ///< "", or a duration
  std::string key_file;  ///< of the API key; "": TROUPE_KEY in the environment, or none
  std::string ca;        ///< the certificate of the node's cluster; "": the machine's own authorities
  bool json = false;
};
/// A client of the node that the options name. Nothing is sent yet.
[[nodiscard]] outcome<api> connect(const global_options& global);

struct submit_command {
  submit_options request;
  std::vector<given_input> inputs;
  std::string key;     ///< idempotency key; "": one is made
  std::string output;  ///< -o: where the result goes; implies following
  bool follow = false;
};
[[nodiscard]] outcome<exit_code> run_submit(const global_options& global, const submit_command& command);

struct jobs_command {
  std::string state, pipeline, label;
  std::uint32_t limit = 20;
  bool watch = false;
};
[[nodiscard]] outcome<exit_code> run_jobs(const global_options& global, const jobs_command& command);
[[nodiscard]] outcome<exit_code> run_job(const global_options& global, const std::string& id);
[[nodiscard]] outcome<exit_code> run_watch(const global_options& global, const std::string& id);
[[nodiscard]] outcome<exit_code> run_cancel(const global_options& global, const std::string& id, const std::string& reason);

[[nodiscard]] outcome<exit_code> run_artifact_put(const global_options& global, const std::vector<std::string>& files);
[[nodiscard]] outcome<exit_code> run_artifact_get(const global_options& global, const std::string& hash,
                                                  const std::string& output);
[[nodiscard]] outcome<exit_code> run_artifact_usage(const global_options& global);

/// The nodes of the cluster, as the named one knows them; that one is marked.
[[nodiscard]] outcome<exit_code> run_nodes(const global_options& global);

/// Nodes, slots, running jobs and the busiest actors, drawn each second on a terminal; elsewhere, or `once`, printed one time.
[[nodiscard]] outcome<exit_code> run_top(const global_options& global, bool is_once);
/// Shows an actor (a name, or NODE/KIND/NAME), a shard or a job, with its rates over a second. Again until Ctrl-C if it
/// `watches`.
[[nodiscard]] outcome<exit_code> run_inspect(const global_options& global, const std::string& what, bool watches);

/// Makes a cluster's authority and its API key, and says how to go on.
[[nodiscard]] outcome<exit_code> run_cluster_init(const global_options& global, const std::string& directory);
/// Makes a join token and prints it.
[[nodiscard]] outcome<exit_code> run_cluster_token(const global_options& global, const std::string& directory,
                                                   const std::string& lasts);
/// The cluster as its leader sees it: nodes, alarms, decisions. Again and again until Ctrl-C if it `watches`.
[[nodiscard]] outcome<exit_code> run_cluster_status(const global_options& global, bool watches);
struct roll_options {
  std::string restart;            ///< a shell command, see `restart_command_for`; "": a person does it
  std::string deadline = "1min";  ///< what running tasks get
  std::string timeout = "10min";  ///< for each step of a node
};
/// Drains, restarts and resumes one node after the other. Begins and goes on only while the cluster can spare one.
[[nodiscard]] outcome<exit_code> run_cluster_roll(const global_options& global, const roll_options& given);
struct node_change {
  enum class action : std::uint8_t { drain, resume, remove };
  action what = action::drain;
  std::string node;           ///< an id, the beginning of one, or an address
  std::string deadline;       ///< of a drain: "" or a duration
  bool wait = false;          ///< until the node is drained
  bool is_dry_run = false;    ///< of a drain: only say what would happen
  bool is_confirmed = false;  ///< do not ask
};
/// Says what will happen, asks the person in front of a drain, then does it.
[[nodiscard]] outcome<exit_code> run_node_change(const global_options& global, const node_change& change);

/// What is paused, and what waits because of it.
[[nodiscard]] outcome<exit_code> run_queue(const global_options& global);
struct queue_change {
  enum class action : std::uint8_t { pause, resume };
  action what = action::pause;
  std::string pipeline;  ///< "": everything
  std::string reason;
};
/// Pauses a pipeline or everything, or ends that, and says what it means.
[[nodiscard]] outcome<exit_code> run_queue_change(const global_options& global, const queue_change& change);

[[nodiscard]] outcome<exit_code> run_pipeline_list(const global_options& global);
/// Reads the files as an operator's, so that `exec` stages are allowed. All of them are read; each fault is told.
[[nodiscard]] outcome<exit_code> run_pipeline_check(const global_options& global, const std::vector<std::string>& files);

/// The models of the node, with what is wrong with those that cannot be used.
[[nodiscard]] outcome<exit_code> run_model_list(const global_options& global);
/// Whether a network can be used, and what it takes and gives. Needs no node.
/// @param worker  the program that runs networks
[[nodiscard]] outcome<exit_code> run_model_check(const global_options& global, const std::filesystem::path& worker,
                                                 const std::string& file);
struct model_bench {
  std::string file;
  std::string shape, threads;  ///< "": the program's choice
};
/// How long the network takes on this machine.
[[nodiscard]] outcome<exit_code> run_model_bench(const global_options& global, const std::filesystem::path& worker,
                                                 const model_bench& what);

/// Follows a job, shows its end, saves its result. Ctrl-C leaves the job running and says how to come back.
[[nodiscard]] outcome<exit_code> follow_job(api& node, const global_options& global, const std::string& id,
                                            const std::string& output);

}  // namespace troupe::cli
