#include "gpu/model/detector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace troupe::gpu {

namespace {

bool has_scores(const model_description& about) { return about.detect.layout == detect_output::layout_kind::apart; }

bool is_number(const tensor_type& type) { return type.type == dtype::f32 || type.type == dtype::f16; }

/// From pixels of what the network got to those of the picture.
box back(const fit_plan& plan, const box& seen) {
  const float wide = plan.from_across / static_cast<float>(plan.across), high = plan.from_down / static_cast<float>(plan.down);
  const auto left = static_cast<float>(plan.left), top = static_cast<float>(plan.top);
  return {plan.from_left + (seen.left - left) * wide, plan.from_top + (seen.top - top) * high,
          plan.from_left + (seen.right - left) * wide, plan.from_top + (seen.bottom - top) * high};
}

/// One picture's share of an output.
std::span<const float> part_of(std::span<const float> all, std::size_t which, std::size_t count) {
  return all.subspan(which * (all.size() / count), all.size() / count);
}

}  // namespace

result<detector> detector::open(model_description description, std::shared_ptr<executor> where) {
  TROUPE_TRY(auto network, picture_network::open(std::move(description), std::move(where)));
  detector made(std::move(network));
  const auto& about = made.description();
  TROUPE_CHECK(made.network_.follow(about.width, about.height));
  TROUPE_TRY(made.outputs_, made.network_.outputs(has_scores(about) ? 2 : 1));
  std::vector<dims> shapes;
  for (const auto place : made.outputs_) {
    const auto& output = made.network_.facts().outputs[place];
    if (!output) return made;  // known when it runs
    if (!is_number(*output)) return made.network_.refuse("its outputs have to be of type float or float16");
    shapes.push_back(output->shape);
  }
  const auto fits = shape_of_boxes(about.detect, shapes.front(), shapes.size() > 1 ? shapes.back() : dims{});
  if (!fits) return made.network_.refuse(fits.error().detail);
  return made;
}

result<std::size_t> detector::make_ready(std::size_t count, int, int) {
  const auto& about = description();
  TROUPE_CHECK(network_.make_ready(count > 1 ? count + 1 : count, about.width, about.height));
  // As they are brought to the size, and as they are given.
  const auto fitted = static_cast<std::size_t>(about.width) * static_cast<std::size_t>(about.height);
  return memory() + sizeof(float) * fitted * network_.next_group(count) * 6;
}

result<std::vector<std::vector<sighting>>> detector::find(const planar_pictures& in, const detect_options& options) {
  const auto values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  std::vector<std::vector<sighting>> all;
  while (all.size() < in.count) {
    const auto now = network_.next_group(in.count - all.size());
    TROUPE_TRY(auto group, find_group({now, in.width, in.height, in.values + all.size() * 3 * values}, options));
    std::ranges::move(group, std::back_inserter(all));
  }
  return all;
}

result<std::vector<std::vector<sighting>>> detector::find_group(const planar_pictures& in, const detect_options& options) {
  const auto& about = description();
  const auto plan = plan_fit(in.width, in.height, about.width, about.height, about.fit);
  const auto values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  const auto fitted = static_cast<std::size_t>(about.width) * static_cast<std::size_t>(about.height);
  std::vector<float> given(in.count * 3 * fitted);
  for (std::size_t plane = 0; plane < in.count * 3; ++plane)
    fit_plane(in.values + plane * values, plan, about.fill, given.data() + plane * fitted);
  TROUPE_TRY(const auto outputs, network_.run({in.count, about.width, about.height, given.data()}));

  const auto& boxes = outputs[outputs_.front()];
  const auto* const scores = has_scores(about) ? &outputs[outputs_.back()] : nullptr;
  for (const auto* output : {&boxes, scores})
    if (output
        && (!is_number(output->full_type()) || output->rank() == 0 || output->shape()[0] != static_cast<std::int64_t>(in.count)))
      return network_.refuse(
          fmt::format("of {} pictures the network made {} {}", in.count, to_string(output->type()), to_text(output->shape())));
  const auto shape = shape_of_boxes(about.detect, boxes.shape(), scores ? scores->shape() : dims{});
  if (!shape) return network_.refuse(shape.error().detail);
  const auto box_values = floats_of(boxes);
  const auto score_values = scores ? floats_of(*scores) : std::vector<float>{};

  std::vector<std::vector<sighting>> found;
  for (std::size_t i = 0; i < in.count; ++i) {
    const raw_boxes made{part_of(box_values, i, in.count), part_of(score_values, i, in.count), *shape};
    auto seen = suppress(
        decode_boxes(about.detect, made, options.confidence.value_or(about.detect.confidence), about.width, about.height),
        options.overlap.value_or(about.detect.overlap), sightings_most);
    for (auto& one : seen) one.where = within(back(plan, one.where), in.width, in.height);
    std::erase_if(seen,
                  [](const sighting& one) { return one.where.right <= one.where.left || one.where.bottom <= one.where.top; });
    found.push_back(std::move(seen));
  }
  return found;
}

}  // namespace troupe::gpu
