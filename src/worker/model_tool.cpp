#include "worker/model_tool.hpp"

#include "gpu/model/any_model.hpp"
#include "gpu/operators.hpp"
#include "worker/executors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/serialize.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <new>
#include <optional>
#include <thread>

namespace troupe::worker {
namespace {

namespace json = boost::json;
using steady = std::chrono::steady_clock;

constexpr int exit_ok = 0, exit_unusable = 2, exit_usage = 64;
constexpr auto bench_time = std::chrono::seconds{3};
constexpr std::size_t bench_runs_least = 3, bench_runs_most = 1000;
/// What stands for a length that the file leaves open: the side of the pictures that most networks of the last ten years were
/// trained with.
constexpr std::int64_t usual_side = 224;

struct tool_options {
  std::string file;
  bool is_bench = false;
  bool is_json = false;
  std::optional<gpu::dims> shape;
  int threads = 1;
};

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

/// "1x3x224x224"
std::optional<gpu::dims> shape_from(std::string_view text) {
  gpu::dims shape;
  while (true) {
    const auto cross = text.find('x');
    const auto length = whole_number(text.substr(0, cross));
    if (!length || shape.size() == 8) return std::nullopt;
    shape.push_back(*length);
    if (cross == std::string_view::npos) return shape;
    text.remove_prefix(cross + 1);
  }
}

result<tool_options> read_arguments(const std::vector<std::string>& arguments) {
  tool_options made;
  made.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word == "--json") {
      made.is_json = true;
      continue;
    }
    if (i + 1 == arguments.size()) return error{errc::bad_request, fmt::format("{} needs a value, or is no option", word)};
    const auto& value = arguments[++i];
    if (word == "--check-model" || word == "--bench-model") {
      made.file = value;
      made.is_bench = word == "--bench-model";
    } else if (word == "--shape") {
      made.shape = shape_from(value);
      if (!made.shape)
        return error{errc::bad_request, fmt::format("--shape '{}': lengths with x between are expected, as 1x3x224x224", value)};
    } else if (word == "--threads") {
      const auto count = whole_number(value);
      if (!count || *count > 256) return error{errc::bad_request, fmt::format("--threads '{}': 1 to 256 are accepted", value)};
      made.threads = static_cast<int>(*count);
    } else {
      return error{errc::bad_request, fmt::format("there is no option '{}'", word)};
    }
  }
  if (made.file.empty()) return error{errc::bad_request, "no model is named"};
  return made;
}

/// What is known of a model, and its network.
struct subject {
  std::optional<gpu::any_model> described;  ///< if there is a description
  gpu::onnx_model bare;                     ///< else
  std::vector<gpu::tensor_type> inputs;     ///< as they are looked at, or run
  gpu::network_facts facts;

  [[nodiscard]] const gpu::onnx_model& model() const { return described ? gpu::network_of(*described).network() : bare; }
  /// Null without one.
  [[nodiscard]] const gpu::model_description* description() const {
    return described ? &gpu::network_of(*described).description() : nullptr;
  }
};

/// An input's type as the file has it, with the usual lengths where it leaves them open.
gpu::tensor_type usual_type(const gpu::value& input) {
  gpu::tensor_type type{input.type.value_or(gpu::dtype::f32), input.shape.value_or(gpu::dims{})};
  for (std::size_t i = 0; i < type.shape.size(); ++i) {
    if (type.shape[i] != gpu::open_length) continue;
    type.shape[i] = type.shape.size() == 4 && i >= 2 ? usual_side : type.shape.size() == 4 && i == 1 ? 3 : 1;
  }
  return type;
}

result<subject> open_bare(const std::filesystem::path& file, const std::optional<gpu::dims>& shape) {
  subject made;
  TROUPE_TRY(made.bare, gpu::read_onnx(file));
  const auto& network = made.bare.network;
  for (const auto id : network.inputs) made.inputs.push_back(usual_type(network.values[id]));
  if (shape && !made.inputs.empty()) made.inputs.front().shape = *shape;
  auto facts = gpu::look_at(network, made.inputs);
  if (!facts) return error{facts.error().code, fmt::format("{}: {}", file.string(), facts.error().detail)};
  made.facts = *std::move(facts);
  return made;
}

result<subject> open_described(const std::filesystem::path& file, const std::optional<gpu::dims>& shape, int threads) {
  subject made;
  TROUPE_TRY(auto description, gpu::read_description(file));
  TROUPE_TRY(auto opened, gpu::open_model(std::move(description), make_executor(threads)));
  const auto& network = gpu::network_of(made.described.emplace(std::move(opened)));
  made.inputs = {network.part()};
  made.facts = network.facts();
  if (!shape) return made;
  made.inputs.front().shape = *shape;
  TROUPE_TRY(made.facts, gpu::look_at(made.model().network, made.inputs));
  return made;
}

/// @param file a description, or a network, whose description is taken if it lies beside it
result<subject> open_subject(const tool_options& options) {
  const std::filesystem::path file = options.file;
  if (file.extension() == ".yaml" || file.extension() == ".yml") return open_described(file, options.shape, options.threads);
  auto beside = file;
  beside.replace_extension(".yaml");
  std::error_code unreadable;
  if (std::filesystem::is_regular_file(beside, unreadable)) return open_described(beside, options.shape, options.threads);
  return open_bare(file, options.shape);
}

std::string type_text(const std::optional<gpu::tensor_type>& type) {
  return type ? fmt::format("{} {}", gpu::to_string(type->type), gpu::to_text(type->shape)) : "known when it runs";
}

json::object to_json(const subject& what) {
  const auto& network = what.model().network;
  json::array inputs, outputs;
  for (std::size_t i = 0; i < network.inputs.size(); ++i)
    inputs.push_back(json::object{{"name", network.values[network.inputs[i]].name}, {"type", type_text(what.inputs[i])}});
  for (std::size_t i = 0; i < network.outputs.size(); ++i)
    outputs.push_back(
        json::object{{"name", network.values[network.outputs[i]].name}, {"type", type_text(what.facts.outputs[i])}});
  json::object made{{"producer", what.model().producer},   {"opset", what.model().opset},    {"nodes", what.facts.nodes},
                    {"parameters", what.facts.parameters}, {"mflop", what.facts.flop / 1e6}, {"inputs", std::move(inputs)},
                    {"outputs", std::move(outputs)}};
  const auto* const description = what.description();
  if (!description) return made;
  made["task"] = gpu::to_string(description->task);
  made["network"] = description->network.string();
  made["description"] = description->about;
  made["scale"] = description->scale;
  made["precision"] = gpu::to_string(description->computed_in);
  json::array classes;
  for (const auto& name : description->detect.classes) classes.emplace_back(name);
  made["classes"] = std::move(classes);
  return made;
}

/// "upscale, scale 2", or "detect, pictures brought to 640 x 640".
std::string task_text(const gpu::model_description& of) {
  const auto* const task = gpu::to_string(of.task);
  if (of.task == gpu::model_task::upscale || of.task == gpu::model_task::filter)
    return fmt::format("{}, scale {}", task, of.scale);
  if (of.width == 0) return task;
  return fmt::format("{}, pictures brought to {} x {}", task, of.width, of.height);
}

void print_subject(const std::string& file, const subject& what) {
  const auto& network = what.model().network;
  fmt::print("{}: can be used\n", file);
  if (const auto* const description = what.description()) {
    fmt::print("  task        {}\n", task_text(*description));
    if (description->computed_in != gpu::precision::single)
      fmt::print("  precision   {} on devices\n", gpu::to_string(description->computed_in));
    if (!description->detect.classes.empty()) fmt::print("  classes     {}\n", fmt::join(description->detect.classes, ", "));
  } else {
    fmt::print("  task        none: a description ({}) makes it one for stages; see docs/models.md\n",
               std::filesystem::path(file).replace_extension(".yaml").filename().string());
  }
  fmt::print("  made by     {}, opset {}\n", what.model().producer.empty() ? "?" : what.model().producer, what.model().opset);
  for (std::size_t i = 0; i < network.inputs.size(); ++i)
    fmt::print("  input       {}: {}\n", network.values[network.inputs[i]].name, type_text(what.inputs[i]));
  for (std::size_t i = 0; i < network.outputs.size(); ++i)
    fmt::print("  output      {}: {}\n", network.values[network.outputs[i]].name, type_text(what.facts.outputs[i]));
  fmt::print("  nodes       {}\n  parameters  {}\n  work        {:.1f} MFLOP\n", what.facts.nodes, what.facts.parameters,
             what.facts.flop / 1e6);
}

/// What a run is timed with: the middle of what the type can be for pictures, and no index beyond 0.
gpu::tensor trial_input(const gpu::tensor_type& type) {
  auto made = gpu::tensor::zeros(type.type, type.shape);
  if (type.type == gpu::dtype::f32) std::fill_n(made.as<float>(), made.count(), 0.5F);
  return made;
}

struct timing {
  double prepare_ms = 0, median_ms = 0, least_ms = 0;
  std::size_t runs = 0, memory = 0;
};

double milliseconds_since(steady::time_point begun) {
  return std::chrono::duration<double, std::milli>(steady::now() - begun).count();
}

result<timing> measure(const subject& what, int threads) {
  timing made;
  const auto executor = make_executor(threads);
  auto begun = steady::now();
  const auto computed_in = what.description() != nullptr ? what.description()->computed_in : gpu::precision::single;
  TROUPE_TRY(const auto network, executor->prepare(what.model().network, what.inputs, computed_in));
  made.prepare_ms = milliseconds_since(begun);
  std::vector<gpu::tensor> inputs;
  for (const auto& type : what.inputs) inputs.push_back(trial_input(type));
  TROUPE_TRY([[maybe_unused]] const auto warm, network->run(inputs));
  std::vector<double> times;
  const auto end = steady::now() + bench_time;
  while (times.size() < bench_runs_most && (times.size() < bench_runs_least || steady::now() < end)) {
    begun = steady::now();
    TROUPE_TRY([[maybe_unused]] const auto outputs, network->run(inputs));
    times.push_back(milliseconds_since(begun));
  }
  std::ranges::sort(times);
  made.median_ms = times[times.size() / 2];
  made.least_ms = times.front();
  made.runs = times.size();
  made.memory = network->memory();
  return made;
}

result<void> bench(const tool_options& options, const subject& what) {
  TROUPE_TRY(const auto took, measure(what, options.threads));
  const double rate = what.facts.flop / took.median_ms / 1e6;
  if (options.is_json) {
    auto made = to_json(what);
    made["threads"] = options.threads;
    made["runs"] = took.runs;
    made["prepare_ms"] = took.prepare_ms;
    made["median_ms"] = took.median_ms;
    made["least_ms"] = took.least_ms;
    made["memory_bytes"] = took.memory;
    fmt::print("{}\n", json::serialize(made));
    return {};
  }
  fmt::print("{}: input {}, {} threads, executor {}\n", options.file,
             what.inputs.empty() ? "none" : type_text(what.inputs.front()), options.threads, executor_name());
  fmt::print(
      "  prepared    {:.1f} ms\n  run         {:.2f} ms (median of {}, least {:.2f} ms)\n  work        {:.1f} MFLOP, {:.2f} "
      "GFLOP/s\n",
      took.prepare_ms, took.median_ms, took.runs, took.least_ms, what.facts.flop / 1e6, rate);
  return {};
}

result<void> run(const tool_options& options) {
  TROUPE_TRY(const auto what, open_subject(options));
  if (options.is_bench) return bench(options, what);
  if (options.is_json)
    fmt::print("{}\n", json::serialize(to_json(what)));
  else
    print_subject(options.file, what);
  return {};
}

/// What a file claims must not take the machine's memory. A network of the largest size that is read, 2 GiB, is in it three times
/// at most.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these reserve more than there is
  constexpr rlim_t most = rlim_t{12} << 30;
  const rlimit limit{most, most};
  ::setrlimit(RLIMIT_DATA, &limit);
#endif
}

/// The network that a description names; empty if that cannot be read.
std::string network_of(const std::string& file) {
  const auto description = gpu::read_description(file);
  return description ? description->network.string() : "";
}

}  // namespace

int run_model_tool(const std::vector<std::string>& arguments) {
  const auto options = read_arguments(arguments);
  if (!options) {
    fmt::print(stderr, "troupe-worker: {}\n", options.error().detail);
    return exit_usage;
  }
  if (!options->is_bench) limit_memory();
  auto done = [&]() -> result<void> {
    try {
      return run(*options);
    } catch (const std::bad_alloc&) {
      return error{errc::too_large, fmt::format("{}: it needs more memory than there is", options->file)};
    } catch (const std::exception& unexpected) {
      return error{errc::internal, fmt::format("{}: {}", options->file, unexpected.what())};
    }
  }();
  if (done) return exit_ok;
  if (options->is_json)
    fmt::print("{}\n", json::serialize(json::object{{"fault", done.error().detail}, {"network", network_of(options->file)}}));
  else
    fmt::print(stderr, "{}\n", done.error().detail);
  return exit_unusable;
}

}  // namespace troupe::worker
