#include "gpu/operators/checks.hpp"

namespace troupe::gpu::detail {

result<const tensor_type*> need(known_inputs inputs, std::size_t at, const char* name) {
  const auto* const input = input_or_null(inputs, at);
  if (!input) return refuse(fmt::format("input {} is missing", name));
  return &input->type;
}

result<const tensor_type*> need_floating(known_inputs inputs, std::size_t at, const char* name) {
  TROUPE_TRY(const auto* const type, need(inputs, at, name));
  if (!is_floating(type->type)) return refuse(fmt::format("input {} is {}; it has to be floating", name, to_string(type->type)));
  return type;
}

result<void> need_same(known_inputs inputs, std::size_t at, const char* name, dtype type) {
  const auto* const input = input_or_null(inputs, at);
  if (input && input->type.type != type)
    return refuse(fmt::format("input {} is {}; it has to be {}", name, to_string(input->type.type), to_string(type)));
  return {};
}

result<void> need_length(known_inputs inputs, std::size_t at, const char* name, std::int64_t length) {
  const auto* const input = input_or_null(inputs, at);
  if (input && input->type.shape != dims{length})
    return refuse(fmt::format("input {} has the shape {} instead of [{}]", name, to_text(input->type.shape), length));
  return {};
}

result<std::vector<bool>> marks_of(const std::vector<std::int64_t>& axes, std::size_t rank) {
  TROUPE_TRY(const auto named, axes_of(axes, rank));
  std::vector<bool> marks(rank, false);
  for (const auto axis : named) marks[axis] = true;
  return marks;
}

result<std::optional<std::int64_t>> number_at(known_inputs inputs, std::size_t at) {
  if (!input_or_null(inputs, at)) return refuse(fmt::format("input {} is missing", at));
  TROUPE_CHECK(expect_scalar(inputs, at));
  TROUPE_TRY(const auto given, numbers_at(inputs, at));
  return given.is_known ? std::optional{given.values->front()} : std::nullopt;
}

}  // namespace troupe::gpu::detail
