#pragma once

#include "gpu/operators/arguments.hpp"

/// Refusals that name the input, for operators with many of them.
namespace troupe::gpu::detail {

/// The type of an input that must be there; `name` is for the message.
[[nodiscard]] result<const tensor_type*> need(known_inputs inputs, std::size_t at, const char* name);
/// The same, and it has to be floating.
[[nodiscard]] result<const tensor_type*> need_floating(known_inputs inputs, std::size_t at, const char* name);
/// An input that may be left out, but must be of this type if it is there.
[[nodiscard]] result<void> need_same(known_inputs inputs, std::size_t at, const char* name, dtype type);
/// A list (one axis) of this length, or nothing at all.
[[nodiscard]] result<void> need_length(known_inputs inputs, std::size_t at, const char* name, std::int64_t length);

/// One mark for each axis of the rank: true where `axes` names it. Refuses doubles.
[[nodiscard]] result<std::vector<bool>> marks_of(const std::vector<std::int64_t>& axes, std::size_t rank);

/// One whole number that an input says; nothing while it is not known. The input must be there.
[[nodiscard]] result<std::optional<std::int64_t>> number_at(known_inputs inputs, std::size_t at);

}  // namespace troupe::gpu::detail
