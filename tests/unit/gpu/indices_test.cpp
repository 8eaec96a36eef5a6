#include <cmath>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

const tensor matrix = floats({2, 3}, {1, 2, 3, 4, 5, 6});

}

TEST_CASE("Gather takes parts along an axis; indices count from the end, too") {
  const node_under_test gather("Gather", 13, {{"axis", std::int64_t{1}}});
  CHECK(numbers(gather.run({matrix, longs({}, {-1})})) == doubles{3, 6});
  CHECK(gather.run({matrix, longs({1, 0}, {})}).shape() == dims{2, 1, 0});
  CHECK(gather.run({empty({0, 3}), list({2})}).shape() == dims{0, 1});
  CHECK(contains(gather.refusal({matrix, list({3})}), "index 3 is outside of an axis of length 3"));
  CHECK(contains(gather.refusal({matrix, list({-4})}), "index -4"));
  CHECK(contains(gather.refusal({empty({2, 0}), list({0})}), "index 0 is outside of an axis of length 0"));
  CHECK(contains(gather.refusal({matrix, floats({1}, {0})}), "input 1 is float"));
  CHECK(contains(gather.refusal({floats({}, {1}), list({0})}), "axis 1 of 0"));
}

TEST_CASE("GatherElements and ScatterElements refuse indices that lie beside the tensor") {
  const node_under_test gather("GatherElements", 13);
  CHECK(numbers(gather.run({matrix, longs({1, 3}, {1, 0, -1})})) == doubles{4, 2, 6});
  CHECK(contains(gather.refusal({matrix, longs({1, 4}, {0, 0, 0, 0})}), "do not fit into [2, 3] along axis 0"));
  CHECK(contains(gather.refusal({matrix, list({0})}), "do not fit"));
  CHECK(contains(gather.refusal({matrix, longs({1, 1}, {2})}), "index 2"));
  const node_under_test scatter("ScatterElements", 18);
  CHECK(contains(scatter.refusal({matrix, longs({1, 4}, {0, 0, 0, 0}), empty({1, 4})}), "do not fit into [2, 3]"));
  CHECK(contains(scatter.refusal({matrix, longs({1, 1}, {0}), empty({1, 2})}), "updates of shape [1, 2]"));
  CHECK(contains(scatter.refusal({matrix, longs({1, 1}, {-3}), empty({1, 1})}), "index -3"));
}

TEST_CASE("GatherND takes elements or slices, within batches from opset 12 on") {
  const node_under_test gather("GatherND", 12, {{"batch_dims", std::int64_t{1}}});
  CHECK(numbers(gather.run({matrix, longs({2, 1}, {0, -1})})) == doubles{1, 6});
  CHECK(numbers(node_under_test("GatherND", 12).run({matrix, longs({1, 1}, {-1})})) == doubles{4, 5, 6});
  CHECK(gather.run({empty({0, 3}), longs({0, 1}, {})}).shape() == dims{0});
  CHECK(contains(gather.refusal({matrix, longs({1, 1}, {0})}), "differ in their batches"));
  CHECK(contains(gather.refusal({matrix, longs({2, 2}, {0, 0, 0, 0})}), "indices of 2 axes"));
  CHECK(contains(gather.refusal({matrix, longs({2, 1}, {0, 3})}), "index 3"));
  CHECK(contains(gather.refusal({matrix, longs({}, {0})}), "1 or more axes"));
  CHECK(contains(node_under_test("GatherND", 12).refusal({matrix, longs({1, 0}, {})}), "indices of 0 axes"));
}

TEST_CASE("ScatterElements and ScatterND combine what comes to the same place, by opset") {
  const auto reduced = [](const char* op, int opset, const char* how) {
    const node_under_test scatter(op, opset, {{"reduction", std::string{how}}});
    const auto indices = std::string_view{op} == "ScatterND" ? longs({2, 1}, {1, 1}) : list({1, 1});
    return scatter.run({list({1, 3, 1}), indices, list({2, 5})}).whole_numbers();
  };
  for (const auto* const op : {"ScatterElements", "ScatterND"}) {
    CHECK(reduced(op, 18, "none") == whole_numbers{1, 5, 1});
    CHECK(reduced(op, 18, "add") == whole_numbers{1, 10, 1});
    CHECK(reduced(op, 16, "mul") == whole_numbers{1, 30, 1});
    CHECK(reduced(op, 18, "min") == whole_numbers{1, 2, 1});
    CHECK(reduced(op, 18, "max") == whole_numbers{1, 5, 1});
  }
  const node_under_test too_old("ScatterND", 16, {{"reduction", std::string{"max"}}});
  CHECK(contains(too_old.refusal({list({1}), longs({1, 1}, {0}), list({1})}), "reduction 'max' is not known in opset 16"));
  const node_under_test of_truth("ScatterND", 16, {{"reduction", std::string{"add"}}});
  const auto truth = tensor::of<bool>({1}, {true});
  CHECK(contains(of_truth.refusal({truth, longs({1, 1}, {0}), truth}), "input 0 is bool"));
}

TEST_CASE("ScatterND leaves its input as it was, and refuses updates of another shape") {
  const node_under_test scatter("ScatterND", 18);
  const auto x = list({1, 2, 3});
  CHECK(scatter.run({x, longs({1, 1}, {0}), list({9})}).whole_numbers() == whole_numbers{9, 2, 3});
  CHECK(x.whole_numbers() == whole_numbers{1, 2, 3});
  CHECK(contains(scatter.refusal({x, longs({1, 1}, {0}), list({9, 9})}), "they have to be of [1]"));
  CHECK(contains(scatter.refusal({x, longs({1, 1}, {3}), list({9})}), "index 3"));
  CHECK(scatter.run({x, longs({0, 1}, {}), list({})}).whole_numbers() == whole_numbers{1, 2, 3});
}

TEST_CASE("Scatter is gone after opset 10") {
  CHECK(numbers(node_under_test("Scatter", 10).run({floats({2}, {1, 2}), list({0}), floats({1}, {5})})) == doubles{5, 2});
  CHECK(contains(node_under_test("Scatter", 11).refusal({}), "opsets 9 to 10 are"));
}

TEST_CASE("NonZero lists places; a scalar has none to list") {
  CHECK(node_under_test("NonZero", 13).run({matrix}).shape() == dims{2, 6});
  CHECK(node_under_test("NonZero", 13).run({floats({2, 2}, {0, 1, 0, 1})}).whole_numbers() == whole_numbers{0, 1, 1, 1});
  CHECK(node_under_test("NonZero", 13).run({floats({}, {1})}).shape() == dims{0, 1});
  CHECK(node_under_test("NonZero", 13).run({empty({0, 4})}).shape() == dims{2, 0});
  CHECK(node_under_test("NonZero", 13).infer({{dtype::f32, {2}}}).empty());
}

TEST_CASE("Compress refuses more conditions than elements") {
  const auto condition = tensor::of<bool>({2}, {false, true});
  CHECK(numbers(node_under_test("Compress", 11, {{"axis", std::int64_t{1}}}).run({matrix, condition})) == doubles{2, 5});
  CHECK(numbers(node_under_test("Compress", 11).run({matrix, condition})) == doubles{2});
  CHECK(contains(node_under_test("Compress", 11).refusal({floats({1}, {1}), condition}), "2 conditions for 1 elements"));
  CHECK(contains(node_under_test("Compress", 11).refusal({matrix, list({1})}), "input 1 is int64"));
}

TEST_CASE("Unique finds equal parts, and orders what is not a number last") {
  const auto x = floats({5}, {NAN, 2, 1, 2, NAN});
  const auto made = node_under_test("Unique", 11, {}, 4).compute({&x});
  REQUIRE(made.has_value());
  CHECK((*made)[0].shape() == dims{3});
  CHECK((*made)[0].number(0) == 1);
  CHECK((*made)[1].whole_numbers() == whole_numbers{2, 1, 0});
  CHECK((*made)[2].whole_numbers() == whole_numbers{2, 1, 0, 1, 2});
  CHECK((*made)[3].whole_numbers() == whole_numbers{1, 2, 2});
  CHECK(node_under_test("Unique", 11).run({empty({0})}).shape() == dims{0});
  CHECK(node_under_test("Unique", 11, {{"axis", std::int64_t{0}}}).run({empty({3, 0})}).shape() == dims{1, 0});
  const node_under_test by_place("Unique", 11, {{"sorted", std::int64_t{0}}});
  CHECK(numbers(by_place.run({floats({4}, {3, 1, 3, 2})})) == doubles{3, 1, 2});
}

}  // namespace troupe::gpu::test
