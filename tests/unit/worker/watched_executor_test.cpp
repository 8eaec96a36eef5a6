#include "worker/watched_executor.hpp"

#include "gpu/network_builder.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <span>
#include <vector>

// Goal: who watches an executor hears of its device, and changes nothing of what it is asked.
using namespace troupe;
using namespace troupe::gpu;
using namespace troupe::worker;

namespace {

/// Notes the precision, and answers what it is told to.
class told_executor : public executor {
 public:
  told_executor(std::vector<precision>& noted, std::optional<errc> fault) : noted_(noted), fault_(fault) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision with) override {
    noted_.push_back(with);
    if (fault_) return error{*fault_, "as it was told"};
    return make_reference_executor()->prepare(network, inputs, with);
  }

 private:
  std::vector<precision>& noted_;
  std::optional<errc> fault_;
};

graph network() {
  network_builder to("one");
  to.output(to.add("Abs", {to.input("x", dtype::f32, {1})}), "y");
  return to.finish();
}
const tensor_type one_number{.type = dtype::f32, .shape = {1}};

}  // namespace

TEST_CASE("a watched executor is asked for the precision that is wanted") {
  std::vector<precision> noted;
  const auto where = watched(std::make_unique<told_executor>(noted, std::nullopt));
  for (const auto wanted : {precision::single, precision::half, precision::bfloat16})
    CHECK(where->prepare(network(), std::span(&one_number, 1), wanted).has_value());
  CHECK(noted == std::vector{precision::single, precision::half, precision::bfloat16});
  CHECK(take_device_trouble() == device_trouble::none);
}

TEST_CASE("a full device is told once, and nothing is made of what is no fault of it") {
  std::vector<precision> noted;
  const auto try_with = [&](errc fault) {
    return watched(std::make_unique<told_executor>(noted, fault))->prepare(network(), std::span(&one_number, 1));
  };
  CHECK(!try_with(errc::bad_request));
  CHECK(take_device_trouble() == device_trouble::none);
  CHECK(!try_with(errc::too_large));
  CHECK(take_device_trouble() == device_trouble::full);
  CHECK(take_device_trouble() == device_trouble::none);
}
