// gpu_conformance DIRECTORY [--executor NAME] [--case NAME] [--table]: runs the test cases of ONNX
// (node/test_*/model.onnx with test_data_set_*/{input,output}_*.pb). A case is claimed if `read_onnx` reads it and
// `check_operators` has nothing against it; a claimed case passes if all its outputs are right within ONNX's own tolerances. Exit
// 1 if a claimed one fails.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

#include "executors.hpp"
#include "gpu/onnx/read.hpp"
#include "gpu/operators.hpp"

namespace {

using namespace troupe;
using namespace troupe::gpu;
namespace fs = std::filesystem;

// As onnx/backend/test/runner of ONNX compares: numpy.testing.assert_allclose(rtol=1e-3, atol=1e-7).
constexpr double relative = 1e-3;
constexpr double absolute = 1e-7;
// One step of bfloat16, which is wider: these data were cut off where ONNX has rounded since 1.13.
constexpr double bfloat_step = 1.0 / 128;

enum class verdict { refused, passed, failed };
struct outcome {
  verdict how = verdict::failed;
  std::string why;
  std::string op;
};

std::string difference(const tensor& made, const tensor& wanted) {
  if (made.type() != wanted.type()) return fmt::format("{} instead of {}", to_string(made.type()), to_string(wanted.type()));
  if (made.shape() != wanted.shape())
    return fmt::format("shape {} instead of {}", to_text(made.shape()), to_text(wanted.shape()));
  const double share = made.type() == dtype::bf16 ? bfloat_step : relative;
  for (std::int64_t i = 0; i < made.count(); ++i) {
    const double a = made.number(i);
    const double b = wanted.number(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double tolerance = is_floating(made.type()) ? absolute + share * std::abs(b) : 0;
    if (!(std::abs(a - b) <= tolerance)) return fmt::format("element {} is {} instead of {}", i, a, b);
  }
  return "";
}

/// ONNX's data has bfloat16 as the whole numbers of the same bits; only the model says what they are.
tensor as_declared(const tensor& read, const value& declared) {
  if (read.type() != dtype::u16 || declared.type != dtype::bf16) return read;
  tensor made(dtype::bf16, read.shape());
  std::copy_n(read.raw(), read.bytes(), made.raw());
  return made;
}

result<std::vector<tensor>> tensors_of(const fs::path& set, const char* what, const graph& network,
                                       const std::vector<value_id>& ids) {
  std::vector<tensor> read;
  for (int i = 0;; ++i) {
    const auto file = set / fmt::format("{}_{}.pb", what, i);
    if (!fs::exists(file)) return read;
    TROUPE_TRY(auto one, read_onnx_tensor(file));
    const auto at = static_cast<std::size_t>(i);
    read.push_back(at < ids.size() ? as_declared(one, network.values[ids[at]]) : std::move(one));
  }
}

std::string run_set(executor& how, const graph& network, const fs::path& set) {
  const auto inputs = tensors_of(set, "input", network, network.inputs);
  const auto wanted = tensors_of(set, "output", network, network.outputs);
  if (!inputs || !wanted) return to_string(inputs ? wanted.error() : inputs.error());
  std::vector<tensor_type> types;
  for (const auto& input : *inputs) types.push_back(input.full_type());
  auto ready = how.prepare(network, types);
  if (!ready) return to_string(ready.error());
  const auto made = (*ready)->run(*inputs);
  if (!made) return to_string(made.error());
  if (made->size() != wanted->size()) return fmt::format("{} outputs instead of {}", made->size(), wanted->size());
  for (std::size_t i = 0; i < made->size(); ++i)
    if (const auto what = difference((*made)[i], (*wanted)[i]); !what.empty()) return fmt::format("output {}: {}", i, what);
  return "";
}

outcome run_case(executor& how, const fs::path& directory) {
  const auto model = read_onnx(directory / "model.onnx");
  if (!model) return {.how = verdict::refused, .why = model.error().detail, .op = "(not read)"};
  const auto& nodes = model->network.nodes;
  outcome end{.how = verdict::failed, .why = {}, .op = nodes.size() == 1 ? nodes[0].op : "(several)"};
  if (const auto checked = check_operators(model->network); !checked)
    return {.how = verdict::refused, .why = checked.error().detail, .op = end.op};
  int sets = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_directory()) continue;
    ++sets;
    try {
      end.why = run_set(how, model->network, entry.path());
    } catch (const std::exception& failure) {
      end.why = failure.what();
    }
    if (!end.why.empty()) return end;
  }
  if (sets == 0) return {.how = verdict::failed, .why = "it has no data", .op = end.op};
  end.how = verdict::passed;
  return end;
}

struct tally {
  int passed = 0, failed = 0, refused = 0;
};

/// As docs/models.md has it: "Conv 6/6" has passed 6 of 6 claimed cases; "+2" were not claimed.
void print_table(const std::map<std::string, tally>& by_operator) {
  constexpr std::size_t columns = 6;
  fmt::print("| | | | | | |\n|---|---|---|---|---|---|\n");
  std::size_t at = 0;
  for (const auto& [op, count] : by_operator) {
    const auto more = count.refused > 0 ? fmt::format(" +{}", count.refused) : "";
    fmt::print("| {} {}/{}{} {}", op, count.passed, count.passed + count.failed, more, ++at % columns == 0 ? "|\n" : "");
  }
  fmt::print("{}", at % columns == 0 ? "" : "|\n");
}

struct wishes {
  std::string directory, only, executor = "cpu";
  bool with_table = false;
};

wishes read_arguments(int count, char** arguments) {
  wishes read;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--table")
      read.with_table = true;
    else if (argument == "--case" && i + 1 < count)
      read.only = arguments[++i];
    else if (argument == "--executor" && i + 1 < count)
      read.executor = arguments[++i];
    else
      read.directory = argument;
  }
  return read;
}

std::vector<fs::path> cases_of(const wishes& asked) {
  std::vector<fs::path> cases;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(asked.directory, failure))
    if (asked.only.empty() || entry.path().filename() == asked.only) cases.push_back(entry.path());
  std::ranges::sort(cases);
  return cases;
}

}  // namespace

int main(int count, char** arguments) {
  const auto asked = read_arguments(count, arguments);
  const auto cases = cases_of(asked);
  if (cases.empty()) return fmt::print(stderr, "gpu_conformance: no cases in '{}'\n", asked.directory), 2;
  std::size_t nodes = 0, on_processor = 0;
  const auto count_nodes = [&](const device::network_figures& of) { nodes += of.nodes, on_processor += of.on_processor; };
  const auto how = testing::make_executor(asked.executor, {.on_prepared = count_nodes});
  if (!how)
    return fmt::print(stderr, "gpu_conformance: no executor '{}'; there are {}\n", asked.executor, testing::executor_names()), 2;
  std::map<std::string, tally> by_operator;
  tally all;
  for (const auto& one : cases) {
    const auto end = run_case(*how, one);
    for (auto* const at : {&all, &by_operator[end.op]})
      ++(end.how == verdict::passed ? at->passed : end.how == verdict::failed ? at->failed : at->refused);
    if (end.how == verdict::failed || (end.how == verdict::refused && !asked.with_table))
      fmt::print("{} {}: {}\n", end.how == verdict::failed ? "FAILED " : "refused", one.filename().string(), end.why);
  }
  if (asked.with_table) print_table(by_operator);
  if (nodes > 0) fmt::print("nodes {} of them on the processor {}\n", nodes, on_processor);
  fmt::print("cases {} claimed {} passed {} failed {}\n", cases.size(), all.passed + all.failed, all.passed, all.failed);
  return all.failed == 0 ? 0 : 1;
}
