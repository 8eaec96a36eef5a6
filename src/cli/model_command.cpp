#include "base/child_process.hpp"
#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/openmp.hpp"
#include "cli/render.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <cstdlib>
#include <filesystem>

namespace troupe::cli {
namespace {

/// Files of networks are read by the worker program, as they are when a stage runs them.
outcome<exit_code> run_worker(const global_options& global, std::vector<std::string> words, const std::string& file) {
  if (global.json) words.emplace_back("--json");
  ::setenv(openmp_variable, openmp_spins, 0);  // as a node has it
  const auto ended = run_in_front(words);
  if (!ended) return failure{exit_code::local_file, ended.error().detail};
  if (ended->signal)
    return failure{exit_code::usage, fmt::format("{}: the program that read it was ended by signal {}", file, *ended->signal)};
  return ended->status == 0 ? exit_code::ok : exit_code::usage;
}

}  // namespace

outcome<exit_code> run_model_list(const global_options& global) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto list, node.call({.target = "/v1/models"}));
  if (global.json) {
    fmt::print("{}\n", json::serialize(list));
    return exit_code::ok;
  }
  const auto* models = array_at(list, "models");
  for (std::size_t i = 0; models && i < models->size(); ++i) {
    const auto* const one = (*models)[i].if_object();
    if (!one) continue;
    const auto error = text_at(*one, "error");
    const auto about = error.empty() ? text_at(*one, "description") : "cannot be used: " + error;
    fmt::print("{}\n", fit(fmt::format("{:<20} {:<8} {}", text_at(*one, "name"), text_at(*one, "task"), about), 1000));
  }
  return exit_code::ok;
}

outcome<exit_code> run_model_check(const global_options& global, const std::filesystem::path& worker, const std::string& file) {
  return run_worker(global, {worker.string(), "--check-model", file}, file);
}

outcome<exit_code> run_model_bench(const global_options& global, const std::filesystem::path& worker, const model_bench& what) {
  std::vector<std::string> words{worker.string(), "--bench-model", what.file};
  if (!what.shape.empty()) words.insert(words.end(), {"--shape", what.shape});
  if (!what.threads.empty()) words.insert(words.end(), {"--threads", what.threads});
  return run_worker(global, std::move(words), what.file);
}

}  // namespace troupe::cli
