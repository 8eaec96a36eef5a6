#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "gpu/network_builder.hpp"
#include "gpu/onnx/read.hpp"
#include "gpu/onnx/write.hpp"
#include "gpu/plan/specialise.hpp"

using namespace troupe;
using namespace troupe::gpu;

namespace {

/// A folder that goes with the test.
struct folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("troupe-onnx-" + std::to_string(::getpid()));
  folder() { std::filesystem::create_directories(path); }
  ~folder() { std::filesystem::remove_all(path); }
};

graph small_network() {
  network_builder to("small");
  const auto x = to.input("x", dtype::f32, {open_length, 3, open_length, open_length});
  tensor weights = tensor::zeros(dtype::f32, {4, 3, 3, 3});
  for (std::int64_t i = 0; i < weights.count(); ++i) weights.as<float>()[i] = static_cast<float>(i) / 100;
  auto y = to.add("Conv", {x, to.constant(weights)}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  y = to.add("LeakyRelu", {y}, {{"alpha", 0.25f}});
  to.output(y, "y");
  return to.finish();
}

std::string bytes_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

result<onnx_model> read(const std::string& bytes) { return read_onnx(std::as_bytes(std::span(bytes))); }

}  // namespace

TEST_CASE("a network that was written is read as it was") {
  const folder in;
  const auto network = small_network();
  REQUIRE(write_onnx(network, in.path / "small.onnx").has_value());

  const auto read = read_onnx(in.path / "small.onnx");

  REQUIRE(read.has_value());
  CHECK(read->opset == 17);
  CHECK(read->producer == "troupe");
  REQUIRE(read->network.nodes.size() == 2);
  CHECK(read->network.nodes[0].integers("pads") == std::vector<std::int64_t>{1, 1, 1, 1});
  CHECK(read->network.nodes[1].number("alpha", 0) == 0.25f);
  const auto& input = read->network.values[read->network.inputs.at(0)];
  CHECK(input.shape == dims{open_length, 3, open_length, open_length});
  const auto& weights = read->network.values[read->network.nodes[0].inputs[1]].constant;
  REQUIRE(weights.has_value());
  CHECK(weights->as<float>()[107] == 1.07f);
}

TEST_CASE("what is no model is refused with the file's name") {
  const folder in;
  std::ofstream(in.path / "text.onnx") << "this is a text";
  for (const auto& [name, why] : {std::pair{"text.onnx", "no ONNX model"}, {"missing.onnx", "No such file"}}) {
    const auto read = read_onnx(in.path / name);
    REQUIRE(!read.has_value());
    CHECK(read.error().detail.find(name) != std::string::npos);
    CHECK(read.error().detail.find(why) != std::string::npos);
  }
}

TEST_CASE("a damaged or hostile model is refused or read, and never ends the process") {
  const folder in;
  REQUIRE(write_onnx(small_network(), in.path / "small.onnx").has_value());
  const auto whole = bytes_of_file(in.path / "small.onnx");
  std::mt19937 random(1);
  const auto at_most = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    auto bytes = whole;
    if (i % 4 == 0) bytes.resize(at_most(bytes.size() - 1));
    for (std::size_t change = 0; change < 1 + at_most(3) && !bytes.empty(); ++change)
      bytes[at_most(bytes.size() - 1)] = static_cast<char>(at_most(255));
    const auto model = read(bytes);
    if (!model) {
      ++refused;
      CHECK(!model.error().detail.empty());
      continue;
    }
    const std::vector<tensor_type> types{{dtype::f32, {1, 3, 8, 8}}};
    const auto special = specialise(model->network, types);
    if (!special) ++refused;
  }
  CHECK(refused > 1000);
  CHECK(read(whole).has_value());
}

TEST_CASE("nodes that read what nobody makes, and values that are made twice, are refused with names") {
  const folder in;
  auto network = small_network();
  std::swap(network.nodes[0], network.nodes[1]);
  REQUIRE(write_onnx(network, in.path / "order.onnx").has_value());
  const auto wrong_order = read_onnx(in.path / "order.onnx");
  REQUIRE(!wrong_order.has_value());
  CHECK(wrong_order.error().detail.find("LeakyRelu") != std::string::npos);

  network = small_network();
  network.nodes[1].outputs[0] = network.nodes[0].outputs[0];
  REQUIRE(write_onnx(network, in.path / "twice.onnx").has_value());
  const auto twice = read_onnx(in.path / "twice.onnx");
  REQUIRE(!twice.has_value());
  CHECK(twice.error().detail.find("second time") != std::string::npos);
}
