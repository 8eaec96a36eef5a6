#pragma once

#include <fmt/format.h>

#include <optional>

#include "gpu/operators/families.hpp"
#include "gpu/operators/numbers.hpp"

/// What operators ask of their inputs and attributes.
namespace troupe::gpu::detail {

// -- inputs ---------------------------------------------------------------------------------------------------------------

/// Refuses another number of inputs or outputs, and a left-out one among the first `least` inputs.
[[nodiscard]] result<void> expect_counts(const node& of, known_inputs inputs, std::size_t least, std::size_t most,
                                         std::size_t outputs_most = 1);
/// Refuses other types; a left-out input has none.
[[nodiscard]] result<void> expect_type(known_inputs inputs, std::size_t at, type_set types);
[[nodiscard]] result<void> expect_same_type(known_inputs inputs, std::size_t at, std::size_t as);
/// Refuses another rank than these.
[[nodiscard]] result<void> expect_rank(known_inputs inputs, std::size_t at, std::size_t least, std::size_t most = SIZE_MAX);
/// Refuses more or fewer elements than one.
[[nodiscard]] result<void> expect_scalar(known_inputs inputs, std::size_t at);

/// Counted from the first axis; a negative one counts from the end.
[[nodiscard]] result<std::size_t> axis_of(std::int64_t axis, std::size_t rank);
/// The same for several, none of them twice.
[[nodiscard]] result<std::vector<std::size_t>> axes_of(const std::vector<std::int64_t>& axes, std::size_t rank);

/// Whole numbers that a node is given.
struct given_numbers {
  bool is_known = true;                             ///< false: there are some, not known yet
  std::optional<std::vector<std::int64_t>> values;  ///< none: left out
};
/// Those of an input: i32 or i64, a list or a scalar.
[[nodiscard]] result<given_numbers> numbers_at(known_inputs inputs, std::size_t at);
/// Those that are an attribute before an opset, and an input from it on.
[[nodiscard]] result<given_numbers> numbers_of(const node& of, std::string_view key, known_inputs inputs, std::size_t at,
                                               int input_since);

/// Tensors as what is known: so `compute` can ask what `infer` asks. The tensors outlive it.
class as_known {
 public:
  explicit as_known(tensor_inputs inputs);
  operator known_inputs() const noexcept { return pointers_; }  // NOLINT: it is nothing else

 private:
  std::vector<known_input> known_;
  std::vector<const known_input*> pointers_;
};

// -- lengths and places ---------------------------------------------------------------------------------------------------

/// Product of lengths, not negative; INT64_MAX if it is more.
[[nodiscard]] std::int64_t times(std::int64_t a, std::int64_t b) noexcept;
/// How many elements the axes from `first` to before `last` have.
[[nodiscard]] std::int64_t count_between(const dims& shape, std::size_t first, std::size_t last) noexcept;

/// Places along an axis of this length, negative ones counted from its end. Refuses those outside.
/// @param indices of i32 or i64.
[[nodiscard]] result<std::vector<std::int64_t>> places_of(const tensor& indices, std::int64_t length);

/// y's elements are those of x at `first` plus steps along the axes of y.
void copy_strided(const tensor& x, tensor& y, std::int64_t first, dims strides);

/// One tensor as a list of results.
[[nodiscard]] std::vector<tensor> only(tensor one);

}  // namespace troupe::gpu::detail
