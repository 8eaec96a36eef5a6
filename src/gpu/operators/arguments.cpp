#include "gpu/operators/arguments.hpp"

#include <fmt/ranges.h>

#include <array>

#include "gpu/operators/broadcast.hpp"

namespace troupe::gpu::detail {

namespace {

std::string names_of(type_set types) {
  std::vector<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(dtype::boolean); ++i)
    if (holds(types, static_cast<dtype>(i))) names.emplace_back(to_string(static_cast<dtype>(i)));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

result<void> expect_counts(const node& of, known_inputs inputs, std::size_t least, std::size_t most, std::size_t outputs_most) {
  if (inputs.size() > most) return refuse(fmt::format("it has {} inputs; {} is the most", inputs.size(), most));
  for (std::size_t i = 0; i < least; ++i)
    if (!input_or_null(inputs, i)) return refuse(fmt::format("input {} is missing", i));
  if (of.outputs.size() > outputs_most)
    return refuse(fmt::format("it has {} outputs; {} is the most", of.outputs.size(), outputs_most));
  return {};
}

result<void> expect_type(known_inputs inputs, std::size_t at, type_set types) {
  const auto* const input = input_or_null(inputs, at);
  if (!input || holds(types, input->type.type)) return {};
  return refuse(fmt::format("input {} is {}; it has to be {}", at, to_string(input->type.type), names_of(types)));
}

result<void> expect_same_type(known_inputs inputs, std::size_t at, std::size_t as) {
  const auto* const input = input_or_null(inputs, at);
  const auto* const other = input_or_null(inputs, as);
  if (!input || !other || input->type.type == other->type.type) return {};
  return refuse(fmt::format("input {} is {}, input {} is {}; they have to be the same", as, to_string(other->type.type), at,
                            to_string(input->type.type)));
}

result<void> expect_rank(known_inputs inputs, std::size_t at, std::size_t least, std::size_t most) {
  const auto* const input = input_or_null(inputs, at);
  if (!input || (input->type.shape.size() >= least && input->type.shape.size() <= most)) return {};
  const auto wanted = least == most      ? fmt::format("{}", least)
                      : most == SIZE_MAX ? fmt::format("{} or more", least)
                                         : fmt::format("{} to {}", least, most);
  return refuse(fmt::format("input {} has shape {}; it has to have {} axes", at, to_text(input->type.shape), wanted));
}

result<void> expect_scalar(known_inputs inputs, std::size_t at) {
  const auto* const input = input_or_null(inputs, at);
  if (!input || count_of(input->type.shape) == 1) return {};
  return refuse(fmt::format("input {} has shape {}; it has to have one element", at, to_text(input->type.shape)));
}

result<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto axes = static_cast<std::int64_t>(rank);
  if (axis < -axes || axis >= axes) return refuse(fmt::format("axis {} of {} does not exist", axis, rank));
  return static_cast<std::size_t>(axis < 0 ? axis + axes : axis);
}

result<std::vector<std::size_t>> axes_of(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<std::size_t> found;
  std::vector<bool> seen(rank, false);
  for (const auto axis : axes) {
    TROUPE_TRY(const auto one, axis_of(axis, rank));
    if (seen[one]) return refuse(fmt::format("axis {} is named twice", axis));
    seen[one] = true;
    found.push_back(one);
  }
  return found;
}

result<given_numbers> numbers_at(known_inputs inputs, std::size_t at) {
  const auto* const input = input_or_null(inputs, at);
  if (!input) return given_numbers{};
  TROUPE_CHECK(expect_type(inputs, at, index_types));
  TROUPE_CHECK(expect_rank(inputs, at, 0, 1));
  if (!input->constant) return given_numbers{.is_known = false, .values = {}};
  return given_numbers{.is_known = true, .values = input->constant->whole_numbers()};
}

result<given_numbers> numbers_of(const node& of, std::string_view key, known_inputs inputs, std::size_t at, int input_since) {
  if (of.opset >= input_since) return numbers_at(inputs, at);
  return given_numbers{.is_known = true, .values = of.integers(key)};
}

as_known::as_known(tensor_inputs inputs) : known_(inputs.size()), pointers_(inputs.size()) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    known_[i] = {.type = inputs[i]->full_type(), .constant = inputs[i]};
    pointers_[i] = &known_[i];
  }
}

std::int64_t times(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

std::int64_t count_between(const dims& shape, std::size_t first, std::size_t last) noexcept {
  std::int64_t count = 1;
  for (auto axis = first; axis < last; ++axis) count = times(count, shape[axis]);
  return count;
}

result<std::vector<std::int64_t>> places_of(const tensor& indices, std::int64_t length) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(indices.count()));
  std::int64_t wrong = 0;
  bool is_wrong = false;
  with_one_of<index_types>(indices.type(), [&](auto tag) {
    const auto* const from = indices.as<typename decltype(tag)::type>();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::int64_t index = from[i];
      places[i] = index < 0 ? index + length : index;
      if (places[i] >= 0 && places[i] < length) continue;
      wrong = index;
      is_wrong = true;
    }
  });
  if (is_wrong) return refuse(fmt::format("index {} is outside of an axis of length {}", wrong, length));
  return places;
}

void copy_strided(const tensor& x, tensor& y, std::int64_t first, dims strides) {
  with_width(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    const auto* const from = x.as<element>() + first;
    auto* const to = y.as<element>();
    const std::array<dims, 1> steps{std::move(strides)};
    for_each_element(y.shape(), steps, [&](std::int64_t i, const auto& at) { to[i] = from[at[0]]; });
  });
}

std::vector<tensor> only(tensor one) {
  std::vector<tensor> list;
  list.push_back(std::move(one));
  return list;
}

}  // namespace troupe::gpu::detail
