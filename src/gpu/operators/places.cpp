#include "gpu/operators/places.hpp"

#include <algorithm>

#include "gpu/operators/broadcast.hpp"

namespace troupe::gpu::detail {

result<void> expect_element_indices(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_type(inputs, 1, index_types));
  const auto& x = inputs[0]->type.shape;
  const auto& indices = inputs[1]->type.shape;
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), x.size()));
  const auto fits = [&](std::size_t at) { return at == axis || indices[at] <= x[at]; };
  bool is_right = x.size() == indices.size();
  for (std::size_t i = 0; is_right && i < x.size(); ++i) is_right = fits(i);
  if (is_right) return {};
  return refuse(fmt::format("indices of shape {} do not fit into {} along axis {}", to_text(indices), to_text(x), axis));
}

result<std::vector<std::int64_t>> element_places(const node& of, const dims& shape, const tensor& indices) {
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), shape.size()));
  TROUPE_TRY(auto places, places_of(indices, shape[axis]));
  std::array<dims, 1> strides{strides_of(shape)};
  const auto step = std::exchange(strides[0][axis], 0);
  for_each_element(indices.shape(), strides, [&](std::int64_t i, const auto& at) {
    auto& place = places[static_cast<std::size_t>(i)];
    place = place * step + at[0];
  });
  return places;
}

result<std::vector<std::int64_t>> slice_places(const dims& shape, std::size_t batches, const tensor& indices) {
  const auto strides = strides_of(shape);
  const auto depth = static_cast<std::size_t>(indices.shape().back());
  const auto rows = count_between(indices.shape(), 0, indices.shape().size() - 1);
  const auto batch_count = count_between(shape, 0, batches);
  const auto batch_step = count_between(shape, batches, shape.size());
  const auto rows_each = std::max<std::int64_t>(rows / std::max<std::int64_t>(batch_count, 1), 1);
  std::vector<std::int64_t> places(static_cast<std::size_t>(rows));
  result<void> checked;
  with_one_of<index_types>(indices.type(), [&](auto tag) {
    const auto* from = indices.as<typename decltype(tag)::type>();
    for (std::size_t row = 0; row < places.size(); ++row) {
      auto place = static_cast<std::int64_t>(row) / rows_each * batch_step;
      for (std::size_t i = 0; i < depth; ++i) {
        const std::int64_t index = *from++;
        const auto length = shape[batches + i];
        if (index < -length || index >= length) {
          checked = refuse(fmt::format("index {} is outside of axis {} of shape {}", index, batches + i, to_text(shape)));
          return;
        }
        place += (index < 0 ? index + length : index) * strides[batches + i];
      }
      places[row] = place;
    }
  });
  if (!checked) return checked.error();
  return places;
}

}  // namespace troupe::gpu::detail
