#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

TEST_CASE("Transpose refuses what is no order of the axes") {
  const auto x = empty({0, 2, 3});
  CHECK(node_under_test("Transpose", 13).run({x}).shape() == dims{3, 2, 0});
  CHECK(node_under_test("Transpose", 13).run({floats({}, {7})}).number(0) == 7);
  CHECK(contains(node_under_test("Transpose", 13, {{"perm", whole_numbers{0, 1}}}).refusal({x}), "perm has 2 axes"));
  CHECK(contains(node_under_test("Transpose", 13, {{"perm", whole_numbers{0, 1, 1}}}).refusal({x}), "named twice"));
  CHECK(contains(node_under_test("Transpose", 13, {{"perm", whole_numbers{0, 1, 3}}}).refusal({x}), "does not exist"));
}

TEST_CASE("Expand goes both ways") {
  const node_under_test expand("Expand", 13);
  CHECK(numbers(expand.run({floats({2, 1}, {1, 2}), list({2})})) == doubles{1, 1, 2, 2});
  CHECK(expand.run({floats({2, 1}, {1, 2}), list({1})}).shape() == dims{2, 1});
  CHECK(expand.run({floats({}, {1}), list({0, 2})}).shape() == dims{0, 2});
  CHECK(contains(expand.refusal({floats({1}, {1}), list({-1})}), "is no shape"));
  CHECK(contains(expand.refusal({floats({2}, {1, 2}), list({3})}), "do not fit together"));
  CHECK(contains(expand.refusal({floats({1}, {1}), list({INT64_MAX, INT64_MAX})}), "too large"));
}

TEST_CASE("Tile repeats each axis") {
  const node_under_test tile("Tile", 13);
  CHECK(numbers(tile.run({floats({1, 2}, {1, 2}), list({2, 2})})) == doubles{1, 2, 1, 2, 1, 2, 1, 2});
  CHECK(tile.run({floats({2}, {1, 2}), list({0})}).shape() == dims{0});
  CHECK(tile.run({floats({}, {1}), list({})}).number(0) == 1);
  CHECK(contains(tile.refusal({floats({2}, {1, 2}), list({1, 1})}), "2 repeats for 1 axes"));
  CHECK(contains(tile.refusal({floats({2}, {1, 2}), list({-1})}), "-1 repeats"));
  CHECK(contains(tile.refusal({floats({2}, {1, 2}), list({INT64_MAX})}), "too large"));
  CHECK(numbers(node_under_test("Tile", 1).run({floats({2}, {1, 2}), floats({}, {2}), floats({}, {0})})) == doubles{1, 2, 1, 2});
}

TEST_CASE("blocks that do not divide the axes are refused") {
  const auto x = empty({1, 4, 3, 2});
  const auto with_block = [](const char* op, std::int64_t block) { return node_under_test(op, 13, {{"blocksize", block}}); };
  CHECK(with_block("DepthToSpace", 2).run({x}).shape() == dims{1, 1, 6, 4});
  CHECK(contains(with_block("DepthToSpace", 3).refusal({x}), "no multiple of 9"));
  CHECK(contains(with_block("DepthToSpace", 0).refusal({x}), "blocksize is 0"));
  CHECK(contains(with_block("DepthToSpace", INT64_MAX).refusal({x}), "blocksize is"));
  CHECK(contains(with_block("SpaceToDepth", 2).refusal({x}), "does not divide into blocks of 2"));
  CHECK(contains(with_block("SpaceToDepth", std::int64_t{1} << 32).refusal({empty({1, 1, 0, 0})}), "too large"));
  CHECK(contains(with_block("SpaceToDepth", 2).refusal({empty({2, 2})}), "4 axes"));
}

TEST_CASE("Slice cuts as Python cuts a list, backwards, too") {
  const node_under_test slice("Slice", 13);
  const auto x = list({0, 1, 2, 3, 4});
  const auto cut = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return slice.run({x, list({start}), list({end}), list({0}), list({step})}).whole_numbers();
  };
  CHECK(cut(-2, INT64_MAX, 1) == whole_numbers{3, 4});
  CHECK(cut(INT64_MAX, INT64_MIN, -1) == whole_numbers{4, 3, 2, 1, 0});
  CHECK(cut(4, 0, -2) == whole_numbers{4, 2});
  CHECK(cut(-1, -6, -3) == whole_numbers{4, 1});
  CHECK(cut(3, 3, 1).empty());
  CHECK(cut(1, 3, -1).empty());
  CHECK(cut(0, 5, INT64_MAX) == whole_numbers{0});
  CHECK(cut(4, INT64_MIN, INT64_MIN) == whole_numbers{4});
  CHECK(slice.run({empty({0, 2}), list({3}), list({-9}), list({0}), list({-1})}).shape() == dims{0, 2});
}

TEST_CASE("Slice refuses lists that do not belong together") {
  const node_under_test slice("Slice", 13);
  const auto x = list({0, 1, 2});
  CHECK(contains(slice.refusal({x, list({0}), list({1}), list({0}), list({0})}), "a step is 0"));
  CHECK(contains(slice.refusal({x, list({0}), list({1, 2})}), "do not belong together"));
  CHECK(contains(slice.refusal({x, list({0, 0}), list({1, 1})}), "axis 1 of 1 does not exist"));
  CHECK(contains(slice.refusal({x, list({0, 0}), list({1, 1}), list({0, -1})}), "named twice"));
  CHECK(contains(slice.refusal({x, list({0})}), "input 2 is missing"));
  CHECK(contains(node_under_test("Slice", 9).refusal({x}), "starts or ends are missing"));
  const node_under_test older("Slice", 9, {{"starts", whole_numbers{1}}, {"ends", whole_numbers{3}}});
  CHECK(older.run({x}).whole_numbers() == whole_numbers{1, 2});
  CHECK(slice.infer({{dtype::f32, {4}}, {dtype::i64, {1}}, {dtype::i64, {1}}}).empty());
}

TEST_CASE("Concat joins along an axis, with parts of no length") {
  const node_under_test concat("Concat", 13, {{"axis", std::int64_t{-1}}});
  CHECK(numbers(concat.run({floats({2, 1}, {1, 2}), empty({2, 0}), floats({2, 1}, {3, 4})})) == doubles{1, 3, 2, 4});
  CHECK(contains(concat.refusal({empty({2, 1}), empty({3, 1})}), "do not join along axis 1"));
  CHECK(contains(concat.refusal({empty({2, 1}), empty({2})}), "do not join"));
  CHECK(contains(concat.refusal({empty({1}), list({1})}), "they have to be the same"));
  CHECK(contains(concat.refusal({floats({}, {1})}), "axis -1 of 0"));
  CHECK(contains(concat.refusal({}), "input 0 is missing"));
  CHECK(contains(node_under_test("Concat", 4).refusal({empty({1})}), "attribute 'axis' is missing"));
  CHECK(node_under_test("Concat", 1).run({empty({1, 1}), empty({1, 2})}).shape() == dims{1, 3});
}

TEST_CASE("Split makes equal parts, a shorter last one from opset 18 on, or those that it is told") {
  const auto x = list({0, 1, 2, 3, 4});
  const auto shapes = [&](const node_under_test& split, std::vector<const tensor*> inputs) {
    const auto made = split.compute(std::move(inputs));
    if (!made) FAIL(made.error().detail);
    std::vector<std::int64_t> lengths;
    for (const auto& one : *made) lengths.push_back(one.count());
    return lengths;
  };
  CHECK(shapes(node_under_test("Split", 18, {{"num_outputs", std::int64_t{2}}}, 2), {&x}) == whole_numbers{3, 2});
  CHECK(shapes(node_under_test("Split", 11, {{"split", whole_numbers{4, 0, 1}}}, 3), {&x}) == whole_numbers{4, 0, 1});
  const auto parts = list({1, 4});
  CHECK(shapes(node_under_test("Split", 13, {}, 2), {&x, &parts}) == whole_numbers{1, 4});

  CHECK(contains(node_under_test("Split", 13, {}, 2).refusal({x}), "does not divide into 2 equal parts"));
  CHECK(contains(node_under_test("Split", 18, {}, 2).refusal({x}), "num_outputs is 0, but it has 2 outputs"));
  CHECK(contains(node_under_test("Split", 18, {{"num_outputs", std::int64_t{4}}}, 4).refusal({x}), "into 4 parts"));
  CHECK(contains(node_under_test("Split", 13, {}, 3).refusal({x, parts}), "for 3 outputs"));
  CHECK(contains(node_under_test("Split", 13, {}, 2).refusal({x, list({6, -1})}), "parts [6, -1]"));
  CHECK(contains(node_under_test("Split", 13, {}, 0).refusal({x}), "it has no outputs"));
}

TEST_CASE("Pad repeats what it has, in each of its ways") {
  const auto x = list({1, 2, 3});
  const auto padded = [&](const char* mode, int opset, std::int64_t begin, std::int64_t end) {
    return node_under_test("Pad", opset, {{"mode", std::string{mode}}}).run({x, list({begin, end})}).whole_numbers();
  };
  CHECK(padded("constant", 13, 1, 2) == whole_numbers{0, 1, 2, 3, 0, 0});
  CHECK(padded("constant", 13, -1, 1) == whole_numbers{2, 3, 0});
  CHECK(padded("reflect", 13, 3, 3) == whole_numbers{2, 3, 2, 1, 2, 3, 2, 1, 2});
  CHECK(padded("edge", 13, 2, -1) == whole_numbers{1, 1, 1, 2});
  CHECK(padded("wrap", 19, 1, 4) == whole_numbers{3, 1, 2, 3, 1, 2, 3, 1});
  const node_under_test older("Pad", 2, {{"pads", whole_numbers{1, 0}}, {"value", 9.0f}});
  CHECK(numbers(older.run({floats({1}, {1})})) == doubles{9, 1});
  const node_under_test oldest("Pad", 1, {{"paddings", whole_numbers{0, 1}}});
  CHECK(numbers(oldest.run({floats({1}, {1})})) == doubles{1, 0});
  const auto made = node_under_test("Pad", 18).run({empty({2, 2}), list({1, 0}), floats({}, {5}), list({-1})});
  CHECK(numbers(made) == doubles{5, 0, 0, 5, 0, 0});
  CHECK(node_under_test("Pad", 13).run({empty({0}), list({1, 1})}).shape() == dims{2});
  CHECK(node_under_test("Pad", 13).run({floats({}, {3}), list({})}).number(0) == 3);
}

TEST_CASE("Pad refuses what cannot be") {
  const node_under_test pad("Pad", 13);
  const auto x = list({1, 2});
  CHECK(contains(pad.refusal({x, list({1})}), "1 pads for 1 axes"));
  CHECK(contains(pad.refusal({x, list({-2, -1})}), "cut more than"));
  CHECK(contains(pad.refusal({x, list({INT64_MAX, INT64_MIN})}), "is not possible"));
  CHECK(contains(pad.refusal({x, list({1, 1}), floats({}, {1})}), "they have to be the same"));
  CHECK(contains(node_under_test("Pad", 13, {{"mode", std::string{"wrap"}}}).refusal({x, list({1, 1})}), "mode 'wrap'"));
  const node_under_test edge("Pad", 13, {{"mode", std::string{"edge"}}});
  CHECK(contains(edge.refusal({empty({0}), list({1, 0})}), "nothing to repeat"));
}

TEST_CASE("ReverseSequence refuses lengths outside of the sequence") {
  const auto x = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  const node_under_test reverse("ReverseSequence", 10);
  CHECK(numbers(reverse.run({x, list({2, 0})})) == doubles{3, 2, 1, 4, 5, 6});
  CHECK(contains(reverse.refusal({x, list({4, 1})}), "a sequence of 4 in 3 steps"));
  CHECK(contains(reverse.refusal({x, list({-1, 1})}), "a sequence of -1"));
  CHECK(contains(reverse.refusal({x, list({1})}), "1 lengths for 2 sequences"));
  const node_under_test same("ReverseSequence", 10, {{"time_axis", INT64_MAX}, {"batch_axis", INT64_MAX}});
  CHECK(contains(same.refusal({x, list({1, 1})}), "batch_axis and time_axis"));
}

TEST_CASE("Trilu keeps one side of any diagonal, be it outside") {
  const auto x = list({1, 2, 3, 4}).reshaped({2, 2});
  CHECK(node_under_test("Trilu", 14).run({x, longs({}, {INT64_MAX})}).whole_numbers() == whole_numbers{0, 0, 0, 0});
  CHECK(node_under_test("Trilu", 14).run({x, longs({}, {INT64_MIN})}).whole_numbers() == whole_numbers{1, 2, 3, 4});
  CHECK(node_under_test("Trilu", 14).run({empty({3, 0})}).shape() == dims{3, 0});
  CHECK(contains(node_under_test("Trilu", 14).refusal({list({1})}), "2 or more axes"));
}

}  // namespace troupe::gpu::test
