#include "gpu/model/matter.hpp"

#include <algorithm>

#include "gpu/model/alpha.hpp"

namespace troupe::gpu {

result<matter> matter::open(model_description description, std::shared_ptr<executor> where) {
  TROUPE_TRY(auto model, picture_model::open(std::move(description), std::move(where)));
  const auto& about = model.description();
  if (about.width != 0 && about.matte.colours != matte_output::colours_kind::none)
    return model.network().refuse(
        "the network takes one size alone; colours brought to another one would be blurred: leave "
        "'colours' out");
  return matter(std::move(model));
}

result<std::size_t> matter::make_ready(std::size_t count, int width, int height) {
  const bool is_whole = description().width != 0;
  const int wide = is_whole ? description().width : width, high = is_whole ? description().height : height;
  TROUPE_TRY(const auto parts, model_.make_ready(count, wide, high));
  // Beside that, the pictures brought to the size, their colours and mattes, and mattes of their own size: now, and of a frame
  // before.
  const auto fitted = static_cast<std::size_t>(wide) * static_cast<std::size_t>(high);
  const auto values = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  return parts + sizeof(float) * (count * fitted * 7 + (count + 1) * values);
}

result<void> matter::apply(const planar_pictures& in, float* alpha, float* colours, const part_done_fn& report) {
  if (description().width != 0) return apply_whole(in, alpha, colours, report);
  const auto values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  std::vector<float> made(in.count * 4 * values);
  TROUPE_CHECK(model_.apply(in, made.data(), report));
  for (std::size_t i = 0; i < in.count; ++i) {
    std::copy_n(made.data() + i * 4 * values, 3 * values, colours + i * 3 * values);
    std::copy_n(made.data() + (i * 4 + 3) * values, values, alpha + i * values);
    if (description().matte.colours == matte_output::colours_kind::premultiplied)
      unmultiply({alpha + i * values, values}, {colours + i * 3 * values, 3 * values});
  }
  return {};
}

result<void> matter::apply_whole(const planar_pictures& in, float* alpha, float* colours, const part_done_fn& report) {
  const auto& about = description();
  const auto plan = plan_fit(in.width, in.height, about.width, about.height, about.fit);
  const auto values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  const auto fitted = static_cast<std::size_t>(about.width) * static_cast<std::size_t>(about.height);
  std::vector<float> given(in.count * 3 * fitted), made(in.count * 4 * fitted);
  for (std::size_t plane = 0; plane < in.count * 3; ++plane)
    fit_plane(in.values + plane * values, plan, about.fill, given.data() + plane * fitted);
  TROUPE_CHECK(model_.apply({in.count, about.width, about.height, given.data()}, made.data(), report));
  std::copy_n(in.values, in.count * 3 * values, colours);
  for (std::size_t i = 0; i < in.count; ++i) unfit_plane(made.data() + (i * 4 + 3) * fitted, plan, alpha + i * values);
  return {};
}

}  // namespace troupe::gpu
