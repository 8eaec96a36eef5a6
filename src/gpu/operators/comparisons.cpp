#include <functional>

#include "gpu/operators/pairs.hpp"

namespace troupe::gpu::detail {

namespace {

template <type_set Types, auto Function>
operator_kind comparison(std::string_view name, int first = 1) {
  return {.name = name, .first = first, .infer = infer_comparison<Types>, .compute = [](const node& of, tensor_inputs inputs) {
            return combine<Types, bool>(of, inputs, Function);
          }};
}

}  // namespace

void add_comparisons(operator_table& to) {
  to.add(comparison<all_types, std::equal_to{}>("Equal"));
  to.add(comparison<number_types, std::less{}>("Less"));
  to.add(comparison<number_types, std::less_equal{}>("LessOrEqual", 12));
  to.add(comparison<number_types, std::greater{}>("Greater"));
  to.add(comparison<number_types, std::greater_equal{}>("GreaterOrEqual", 12));
}

}  // namespace troupe::gpu::detail
