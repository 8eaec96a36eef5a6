// gpu_random_graphs [--executor NAME] [--first SEED] [--seeds N] [--nodes N]: random networks, the same result of an executor as
// of the plain one. Prints each seed that differs; exit 1 if there was one. Also writes and reads each network as a file and
// compares again.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>

#include "executors.hpp"
#include "gpu/onnx/read.hpp"
#include "gpu/onnx/write.hpp"
#include "random_network.hpp"

namespace {

using namespace troupe;
using namespace troupe::gpu;

// Sums of some thousand products in another order, relative to the largest element: single precision has 6e-8.
constexpr double tolerance = 2e-4;

std::string difference(const tensor& made, const tensor& wanted) {
  if (made.full_type() != wanted.full_type())
    return fmt::format("type {} {} instead of {} {}", to_string(made.type()), to_text(made.shape()), to_string(wanted.type()),
                       to_text(wanted.shape()));
  double largest = 1;
  for (std::int64_t i = 0; i < wanted.count(); ++i) largest = std::max(largest, std::abs(wanted.number(i)));
  for (std::int64_t i = 0; i < wanted.count(); ++i) {
    const double a = made.number(i);
    const double b = wanted.number(i);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (!(std::abs(a - b) <= tolerance * largest))
      return fmt::format("element {} of {} is {} instead of {} (largest {})", i, to_text(made.shape()), a, b, largest);
  }
  return "";
}

std::string compare(executor& how, const graph& network, const testing::random_network& random,
                    const std::vector<tensor>& wanted) {
  std::vector<tensor_type> types;
  for (const auto& input : random.inputs()) types.push_back(input.full_type());
  auto ready = how.prepare(network, types);
  if (!ready) return to_string(ready.error());
  for (int run = 0; run < 3; ++run) {  // the second one finds memory that the first one has used, and may be recorded
    const auto go = [&] { return (*ready)->run(random.inputs()); };
    // Where networks run side by side, they run on other threads than they were made on.
    const bool is_elsewhere = run == 1 && how.split().each != nullptr;
    const auto made = is_elsewhere ? std::async(std::launch::async, go).get() : go();
    if (!made) return to_string(made.error());
    if (made->size() != wanted.size()) return fmt::format("{} outputs instead of {}", made->size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (const auto what = difference((*made)[i], wanted[i]); !what.empty())
        return fmt::format("run {}, output {}: {}", run, i, what);
  }
  return "";
}

std::string try_seed(executor& fast, const testing::random_network& random, const std::filesystem::path& file) {
  const auto plain = make_reference_executor();
  std::vector<tensor_type> types;
  for (const auto& input : random.inputs()) types.push_back(input.full_type());
  auto ready = plain->prepare(random.network(), types);
  if (!ready) return "plain: " + to_string(ready.error());
  const auto wanted = (*ready)->run(random.inputs());
  if (!wanted) return "plain: " + to_string(wanted.error());
  if (const auto what = compare(fast, random.network(), random, *wanted); !what.empty()) return what;
  if (const auto written = write_onnx(random.network(), file); !written) return to_string(written.error());
  const auto read = read_onnx(file);
  if (!read) return to_string(read.error());
  const auto what = compare(fast, read->network, random, *wanted);
  return what.empty() ? "" : "after writing and reading: " + what;
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t first = 1, seeds = 200, nodes = 24;
  std::string executor_name = "cpu";
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--executor") {
      executor_name = arguments[i + 1];
      continue;
    }
    (name == "--first" ? first : name == "--nodes" ? nodes : seeds) = std::strtoull(arguments[i + 1], nullptr, 10);
  }
  const auto file = std::filesystem::temp_directory_path() / fmt::format("troupe-random-network-{}.onnx", ::getpid());
  const auto fast = testing::make_executor(executor_name, {});
  if (!fast) return fmt::print(stderr, "gpu_random_graphs: no executor '{}'\n", executor_name), 2;
  std::uint64_t failed = 0, steps = 0, tried = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const testing::random_network random(seed, nodes);
    steps += random.network().nodes.size();
    const auto what = try_seed(*fast, random, file);
    ++tried;
    if (what.empty()) continue;
    ++failed;
    fmt::print("seed {}: {}\n{}", seed, what, random.describe());
  }
  std::filesystem::remove(file);
  fmt::print("seeds {} nodes {} failed {}\n", tried, steps, failed);
  return failed == 0 ? 0 : 1;
}
