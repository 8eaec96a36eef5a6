#include "gpu/model/picture_model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>

#include "gpu/model/store.hpp"
#include "gpu/network_builder.hpp"
#include "gpu/onnx/write.hpp"
#include "support.hpp"

using namespace troupe;
using namespace troupe::gpu;
using namespace troupe::gpu::test;

namespace {

/// Writes a network of one operator that takes a picture, and perhaps a number.
void write_network(const std::filesystem::path& file, const char* op, std::optional<float> number = {}) {
  network_builder net("one");
  std::vector<value_id> inputs{net.input("picture", dtype::f32, {open_length, 3, open_length, open_length})};
  if (number) inputs.push_back(net.constant(tensor::of<float>({}, {*number})));
  net.output(net.add(op, inputs), "result");
  REQUIRE(write_onnx(net.finish(), file).has_value());
}

picture_model shipped_model(const std::string& name, int tile, int overlap, int batch = 1,
                            const std::shared_ptr<executor>& where = here()) {
  auto description = read_description(std::filesystem::path(TROUPE_SHIPPED_MODELS) / (name + ".yaml")).value();
  description.tile = tile;
  description.overlap = overlap;
  description.batch = batch;
  auto made = picture_model::open(std::move(description), where);
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().detail));
  return std::move(*made);
}

/// Edges, ramps and fine detail.
std::vector<float> picture_of(int width, int height) {
  std::vector<float> values;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const float wave = 0.5F + 0.4F * std::sin(0.35F * static_cast<float>(x + c) + 0.2F * static_cast<float>(y));
        values.push_back((x / 16 + y / 16) % 2 == 0 ? wave : 1 - wave / 2);
      }
  return values;
}

std::vector<float> applied(picture_model& model, const std::vector<float>& picture, int width, int height,
                           std::size_t count = 1) {
  const auto scale = static_cast<std::size_t>(model.description().scale);
  std::vector<float> out(picture.size() * scale * scale, -1);
  const auto done = model.apply({count, width, height, picture.data()}, out.data(), {});
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().detail));
  return out;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// What two lanes have to do with each other in a test.
struct lane_log {
  std::atomic<int> runs = 0;             ///< of all networks
  std::atomic<bool> has_failed = false;  ///< and the thread that saw it is over
  bool is_one_faulty = false;
  int made = 0;
};

/// Says at the end of a thread that it is over.
struct end_of_thread {
  lane_log& log;
  ~end_of_thread() {
    log.has_failed = true;
    log.has_failed.notify_all();
  }
};

/// Of several networks the second one fails at once, if one is to be faulty, and the others wait for the end of its thread.
class lane_executor : public executor {
 public:
  explicit lane_executor(lane_log& log) : log_(log) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision with) override {
    TROUPE_TRY(auto made, here()->prepare(network, inputs, with));
    return std::make_unique<lane>(std::move(made), log_, log_.is_one_faulty && log_.made++ == 1);
  }

 private:
  class lane : public prepared_network {
   public:
    lane(std::unique_ptr<prepared_network> inner, lane_log& log, bool is_faulty)
        : inner_(std::move(inner)), log_(log), is_faulty_(is_faulty) {}
    result<std::vector<tensor>> run(std::span<const tensor> inputs) override {
      ++log_.runs;
      if (is_faulty_) {
        thread_local const end_of_thread mark{log_};
        return error{errc::internal, "it forgot"};
      }
      if (log_.is_one_faulty) log_.has_failed.wait(false);
      return inner_->run(inputs);
    }
    [[nodiscard]] std::size_t memory() const noexcept override { return inner_->memory(); }

   private:
    std::unique_ptr<prepared_network> inner_;
    lane_log& log_;
    bool is_faulty_;
  };
  lane_log& log_;
};

/// Two lanes.
class split_executor : public executor {
 public:
  explicit split_executor(lane_log& log) : each_(std::make_shared<lane_executor>(log)) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision with) override {
    return each_->prepare(network, inputs, with);
  }
  [[nodiscard]] side_by_side split() const override { return {2, each_}; }

 private:
  std::shared_ptr<lane_executor> each_;
};

std::string fault_of(const model_description& description) {
  const auto made = picture_model::open(description, here());
  return made ? "" : made.error().detail;
}

}  // namespace

TEST_CASE("a picture in parts is the same as in one piece") {
  const auto picture = picture_of(90, 70);
  for (const auto* name : {"upscale-x2", "denoise", "sharpen"}) {
    CAPTURE(name);
    auto whole = shipped_model(name, 0, 8), parts = shipped_model(name, 32, 8), batches = shipped_model(name, 32, 8, 4);
    const auto expected = applied(whole, picture, 90, 70);
    CHECK(largest_difference(applied(parts, picture, 90, 70), expected) < 1 / 255.F / 100);
    CHECK(largest_difference(applied(batches, picture, 90, 70), expected) < 1 / 255.F / 100);
  }
}

TEST_CASE("parts that are worked on side by side make the same picture, to the last bit") {
  const auto two = picture_of(90, 140);  // as two pictures of 90 x 70
  for (const auto* name : {"upscale-x2", "denoise", "sharpen"}) {
    CAPTURE(name);
    auto alone = shipped_model(name, 32, 8), together = shipped_model(name, 32, 8, 1, make_cpu_executor({.threads = 3}));
    const auto parts_alone = alone.make_ready(2, 90, 70).value(), parts = together.make_ready(2, 90, 70).value();
    const auto held = together.memory();
    CHECK(parts - held == 3 * (parts_alone - alone.memory()));
    const auto expected = applied(alone, two, 90, 70, 2);
    for (int i = 0; i < 5; ++i) CHECK(applied(together, two, 90, 70, 2) == expected);
    // Of each lane that came to work, a part as it was cut and as it was given stay for the next picture.
    const auto of_a_part = 2 * 3 * sizeof(float) * 48 * 48;
    CHECK(together.memory() >= held + of_a_part);
    CHECK(together.memory() <= parts);
    CHECK(together.make_ready(2, 90, 70).value() == parts);
    CHECK(together.memory() == held);
  }
}

TEST_CASE("of parts side by side, progress rises, and a fault in one ends all") {
  auto description = read_description(std::filesystem::path(TROUPE_SHIPPED_MODELS) / "sharpen.yaml").value();
  description.tile = 16;
  const auto picture = picture_of(160, 160);
  std::vector<float> out(picture.size());
  for (const bool is_faulty : {false, true}) {
    lane_log log;
    log.is_one_faulty = is_faulty;
    auto model = picture_model::open(description, std::make_shared<split_executor>(log)).value();
    std::vector<double> shares;
    const auto done = model.apply({1, 160, 160, picture.data()}, out.data(), [&](double share) { shares.push_back(share); });
    CHECK(std::ranges::is_sorted(shares));
    REQUIRE(done.has_value() != is_faulty);
    if (is_faulty) {
      CHECK(done.error().detail == "it forgot");
      CHECK(log.runs == 2);  // of 100: the other one had begun with its first part
    } else {
      CHECK(shares.back() == 1);
      CHECK(log.runs == 100);
    }
  }
}

TEST_CASE("several pictures at once are each as by itself, and how far the work is rises to 1") {
  auto model = shipped_model("sharpen", 32, 8, 3);
  auto two = picture_of(40, 40);
  auto other = two;
  std::ranges::reverse(other);
  const auto first = applied(model, two, 40, 40), second = applied(model, other, 40, 40);
  two.insert(two.end(), other.begin(), other.end());
  std::vector<float> out(two.size());
  std::vector<double> shares;
  REQUIRE(model.apply({2, 40, 40, two.data()}, out.data(), [&](double share) { shares.push_back(share); }).has_value());
  CHECK(std::equal(first.begin(), first.end(), out.begin()));
  CHECK(std::equal(second.begin(), second.end(), out.begin() + static_cast<std::ptrdiff_t>(first.size())));
  CHECK(std::ranges::is_sorted(shares));
  CHECK(shares.back() == 1);
}

TEST_CASE("the shipped upscaler keeps flat areas and straight ramps, and does not overshoot edges by more than a tenth") {
  auto model = shipped_model("upscale-x2", 0, 8);
  const std::vector<float> flat(3 * 20 * 20, 0.37F);
  for (const float value : applied(model, flat, 20, 20)) REQUIRE(value == doctest::Approx(0.37F).epsilon(1e-4));
  std::vector<float> ramp, edge;
  for (int i = 0; i < 3 * 32 * 32; ++i) {
    ramp.push_back(static_cast<float>(i % 32) / 64);
    edge.push_back(i % 32 < 16 ? 0.2F : 0.8F);
  }
  const auto ramped = applied(model, ramp, 32, 32);
  for (std::size_t x = 20; x < 44; ++x)
    CHECK(ramped[64 * 32 + x] == doctest::Approx((static_cast<float>(x) + 0.5F) / 2 / 64 - 0.5F / 64).epsilon(2e-3));
  const auto edged = applied(model, edge, 32, 32);
  const auto [least, most] = std::ranges::minmax(edged);
  CHECK(least >= 0.2F - 0.061F);
  CHECK(most <= 0.8F + 0.061F);
  CHECK(most > 0.8F);  // and is sharpened at all
}

TEST_CASE("the shipped denoiser takes half of fine noise and leaves an edge") {
  auto model = shipped_model("denoise", 0, 8);
  std::vector<float> noisy;
  std::uint32_t state = 7;
  for (int i = 0; i < 3 * 48 * 48; ++i) {
    state = state * 1664525U + 1013904223U;
    const float noise = (static_cast<float>(state >> 8) / static_cast<float>(1 << 24) - 0.5F) * 12 / 255;
    noisy.push_back((i % 48 < 24 ? 0.25F : 0.75F) + noise);
  }
  const auto clean = applied(model, noisy, 48, 48);
  double before = 0, after = 0;
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const double truth = i % 48 < 24 ? 0.25 : 0.75;
    before += std::pow(static_cast<double>(noisy[i]) - truth, 2);
    after += std::pow(static_cast<double>(clean[i]) - truth, 2);
  }
  CHECK(std::sqrt(after) < std::sqrt(before) / 2);
  CHECK(clean[48 * 10 + 23] == doctest::Approx(0.25).epsilon(0.05));
  CHECK(clean[48 * 10 + 24] == doctest::Approx(0.75).epsilon(0.05));
}

TEST_CASE("a model that is not what its description says is refused with what it is") {
  const folder models;
  auto description = read_description(std::filesystem::path(TROUPE_SHIPPED_MODELS) / "upscale-x2.yaml").value();
  description.scale = 3;
  CHECK(fault_of(description)
            .find("the network makes float [1, 3, 464, 464]; with the description's scale it has to be [1, 3, 696, 696]")
        != std::string::npos);
  description.colour = channel_order::y;
  CHECK(fault_of(description).find("has the shape [-1, 3, -1, -1]") != std::string::npos);
  models.write("broken.onnx", "no network");
  description.network = models / "broken.onnx";
  CHECK(fault_of(description).find("broken.onnx: this is no ONNX model") != std::string::npos);
  description.network = models / "absent.onnx";
  CHECK(fault_of(description).find("absent.onnx") != std::string::npos);
}

TEST_CASE("an operator that is not there is named with node and opset") {
  const folder models;
  write_network(models / "odd.onnx", "Frobnicate");
  model_description description;
  description.network = models / "odd.onnx";
  CHECK(fault_of(description).find("node 'Frobnicate_0' (Frobnicate, opset 17)") != std::string::npos);
}

TEST_CASE("models are found by name, kept, and read again when their file has changed") {
  const folder models;
  write_network(models / "times.onnx", "Mul", 0.5F);
  models.write("times.yaml", "task: filter\ntile: { side: 32, overlap: 0 }\n");
  int made = 0;
  model_store store({models / "absent", models.path()}, [&](int) {
    ++made;
    return here();
  });
  const std::vector<float> white(3 * 4 * 4, 1.0F);
  CHECK(applied(*store.get("times", model_task::filter, 1).value(), white, 4, 4).front() == 0.5F);
  CHECK(store.get("times", model_task::filter, 1).has_value());
  CHECK(made == 1);
  write_network(models / "times.onnx", "Mul", 0.25F);
  std::filesystem::last_write_time(models / "times.onnx",
                                   std::filesystem::file_time_type::clock::now() + std::chrono::seconds{5});
  CHECK(applied(*store.get("times", model_task::filter, 1).value(), white, 4, 4).front() == 0.25F);
  CHECK(made == 2);
  CHECK(store.get("times", model_task::upscale, 1).error().detail == "model 'times' is for the task 'filter', not 'upscale'");
  for (const auto* name : {"none", "../times", "", "times.yaml"})
    CHECK(store.get(name, model_task::filter, 1).error().detail.starts_with("there is no model"));
}

TEST_CASE("a mixture is between the original and what was made of it") {
  const std::vector<float> original{0, 0.5F, 1};
  std::vector<float> made{1, 0.5F, 0};
  blend(original, made, 0.25F);
  CHECK(made == std::vector<float>{0.25F, 0.5F, 0.75F});
}

namespace {

/// Notes what networks are to be computed in.
class noting_executor : public executor {
 public:
  explicit noting_executor(std::vector<precision>& noted) : noted_(noted) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision with) override {
    noted_.push_back(with);
    return here()->prepare(network, inputs, with);
  }

 private:
  std::vector<precision>& noted_;
};

}  // namespace

TEST_CASE("a network is prepared in the precision that its description says") {
  const folder models;
  write_network(models / "m.onnx", "Abs");
  for (const auto wanted : {precision::single, precision::half, precision::bfloat16}) {
    models.write("m.yaml", std::string("task: filter\nprecision: ") + to_string(wanted) + "\n");
    std::vector<precision> noted;
    auto model = picture_model::open(read_description(models / "m.yaml").value(), std::make_shared<noting_executor>(noted));
    REQUIRE(model.has_value());
    applied(*model, picture_of(32, 32), 32, 32);
    REQUIRE(!noted.empty());
    CHECK(std::ranges::all_of(noted, [&](auto one) { return one == wanted; }));
  }
}
