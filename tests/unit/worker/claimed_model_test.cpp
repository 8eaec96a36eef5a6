#include "worker/stages/model_memory.hpp"

#include "gpu/model/simulated.hpp"

#include <doctest/doctest.h>

#include <map>
#include <utility>

// Goal: memory is asked for before it is taken, as far as it is known how much. Method: a model on a simulated device, and a
// node's part that notes what was asked for.
namespace troupe::worker {
namespace {

struct noted_claims : memory_claims {
  gpu::model_store* models = nullptr;
  std::vector<std::pair<bytes, bytes>> asked;  ///< and what the models held then
  std::map<std::string, bytes> known;
  bool is_device = false;

  result<bool> try_claim(bytes amount) override {
    asked.emplace_back(amount, bytes{models->memory()});
    return true;
  }
  result<void> wait_for(bytes amount) override {
    asked.emplace_back(amount, bytes{models->memory()});
    return {};
  }
  [[nodiscard]] bool is_on_device() const override { return is_device; }
  [[nodiscard]] std::optional<bytes> learned(const std::string& shape) const override {
    const auto found = known.find(shape);
    return found == known.end() ? std::nullopt : std::optional{found->second};
  }
  void learn(const std::string& shape, bytes amount) override { known[shape] = amount; }
};

/// A process that makes a model ready.
bytes run(noted_claims& claims, std::uint64_t pictures = 1000) {
  gpu::model_store models{{TROUPE_SHIPPED_MODELS}, [](int) { return gpu::make_simulated_executor(1e12); }};
  claims.models = &models;
  claims.asked.clear();
  task work;
  work.memory = &claims;
  auto model = claimed_model::load(models, work, "denoise", gpu::model_task::filter);
  REQUIRE(model.has_value());
  REQUIRE(model->make_ready(1, 64, 64, pictures).has_value());
  return bytes{models.memory()};
}

TEST_CASE("a new process asks for what a network took before, and only then makes it ready") {
  noted_claims claims;
  const auto held = run(claims);
  REQUIRE(claims.asked.size() == 2);
  REQUIRE(claims.known.size() == 1);
  const auto own = claims.known.begin()->second;
  CHECK(claims.asked.back().first == own + bytes{1000});
  CHECK(claims.asked.back().second == held);  // nobody knew before it was ready

  CHECK(run(claims) == held);
  REQUIRE(claims.asked.size() == 2);
  CHECK(claims.asked.back().first == own + bytes{1000});
  CHECK(claims.asked.back().second < held);
}

TEST_CASE("a network that takes more than it did before is asked for again") {
  noted_claims claims;
  run(claims);
  const auto own = std::exchange(claims.known.begin()->second, bytes{10});
  run(claims);
  REQUIRE(claims.asked.size() == 3);
  CHECK(claims.asked.back().first == own + bytes{1000});
  CHECK(claims.known.begin()->second == own);
}

TEST_CASE("on a device the pictures do not count, which lie in the machine's memory") {
  noted_claims claims;
  claims.is_device = true;
  run(claims);
  CHECK(claims.asked.back().first == claims.known.begin()->second);
}

}  // namespace
}  // namespace troupe::worker
