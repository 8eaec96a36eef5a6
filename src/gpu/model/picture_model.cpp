#include "gpu/model/picture_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <numeric>
#include <system_error>

#include "gpu/model/channels.hpp"

namespace troupe::gpu {

namespace {

/// The side of a part where a description leaves pictures whole, to look at what the network makes of it.
constexpr int trial_side = 64;

float sigmoid(float value) { return 1 / (1 + std::exp(-value)); }

}  // namespace

result<picture_model> picture_model::open(model_description description, std::shared_ptr<executor> where) {
  TROUPE_TRY(auto network, picture_network::open(std::move(description), std::move(where)));
  picture_model made(std::move(network));
  TROUPE_CHECK(made.check_margins());
  TROUPE_CHECK(made.check_output());
  return made;
}

/// A part of a fixed size has to have a core between its margins.
result<void> picture_model::check_margins() {
  const auto least = 2 * description().overlap + description().multiple;
  for (const auto side : {network_.fixed_height(), network_.fixed_width()})
    if (side != 0 && side < least)
      return network_.refuse(
          fmt::format("the network takes pictures of {} x {} only; their sides have to be {} to 8192 with this "
                      "overlap",
                      network_.fixed_width(), network_.fixed_height(), least));
  return {};
}

tile_plan picture_model::plan_for(int width, int height) const {
  return plan_tiles(width, height,
                    {.side = description().tile,
                     .margin = description().overlap,
                     .multiple = description().multiple,
                     .fixed_width = network_.fixed_width(),
                     .fixed_height = network_.fixed_height()});
}

dims picture_model::expected_from(const dims& given) const {
  const std::int64_t scale = description().scale;
  return {given[0], given[1], given[2] * scale, given[3] * scale};
}

/// Of a matte the number of channels is free, as long as those are there that are read.
bool picture_model::is_as_expected(const tensor_type& made, const tensor_type& given) const {
  auto expected = expected_from(given.shape);
  if (made.shape.size() != 4 || (made.type != dtype::f32 && made.type != dtype::f16)) return false;
  if (description().task == model_task::matte) {
    const bool has_colours = description().matte.colours != matte_output::colours_kind::none;
    expected[1] = std::max<std::int64_t>({made.shape[1], description().matte.channel + 1, has_colours ? 3 : 1});
  }
  return made.shape == expected;
}

/// Follows one part through the network: it has to come out `scale` times as large.
result<void> picture_model::check_output() {
  const int side = description().tile > 0 ? description().tile : trial_side;
  const bool is_sized = description().width != 0;
  const auto plan = plan_for(is_sized ? description().width : side, is_sized ? description().height : side);
  TROUPE_CHECK(network_.follow(plan.width, plan.height));
  TROUPE_TRY(const auto places, network_.outputs(1));
  output_ = places.front();
  const auto& output = network_.facts().outputs[output_];
  if (!output || is_as_expected(*output, network_.part())) return {};
  if (description().task == model_task::matte)
    return network_.refuse(
        fmt::format("from {} the network makes {} {}; a matte is as large as its picture, of type float or "
                    "float16, and has the channel that the description names",
                    to_text(network_.part().shape), to_string(output->type), to_text(output->shape)));
  return network_.refuse(
      fmt::format("from {} the network makes {} {}; with the description's scale it has to be {} of type float "
                  "or float16",
                  to_text(network_.part().shape), to_string(output->type), to_text(output->shape),
                  to_text(expected_from(network_.part().shape))));
}

std::size_t picture_model::left_bytes() const {
  return std::accumulate(at_work_.begin(), at_work_.end(), std::size_t{0},
                         [](std::size_t sum, const workspace& with) { return sum + with.bytes(); });
}

result<std::size_t> picture_model::make_ready(std::size_t count, int width, int height) {
  const auto plan = plan_for(width, height);
  const auto jobs = count * plan.places.size();
  TROUPE_TRY(const auto lanes, network_.lanes_for(plan.places.size(), plan.width, plan.height));
  // What is left of the last batch may be less than a whole one.
  if (lanes.empty()) TROUPE_CHECK(network_.make_ready(count > 1 ? jobs + 1 : jobs, plan.width, plan.height));
  const auto at_once = lanes.empty() ? network_.next_group(jobs) : lanes.size();
  // As they are cut, as they are given, as they come out, and as a picture again.
  const auto values = static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height);
  const auto scale = static_cast<std::size_t>(description().scale);
  const auto working = sizeof(float) * values * at_once * (9 + 3 * planes_made() * scale * scale);
  at_work_.clear();
  return network_.memory() + working;
}

result<void> picture_model::apply(const planar_pictures& in, float* out, const part_done_fn& report) {
  const auto plan = plan_for(in.width, in.height);
  std::vector<job> jobs;
  for (std::size_t picture = 0; picture < in.count; ++picture)
    for (const auto place : plan.places) jobs.push_back({picture, place});
  TROUPE_TRY(const auto lanes, network_.lanes_for(plan.places.size(), plan.width, plan.height));
  at_work_.resize(lanes.size());
  if (!lanes.empty()) return run_side_by_side(lanes, in, out, plan, jobs, report);
  workspace with;
  const auto all_at_once = [this](const planar_pictures& parts, tensor& input) { return network_.run(parts, input); };
  for (std::size_t done = 0; done < jobs.size();) {
    const std::size_t now = network_.next_group(jobs.size() - done);
    TROUPE_CHECK(run(all_at_once, in, out, plan, std::span(jobs).subspan(done, now), with));
    done += now;
    if (report) report(static_cast<double>(done) / static_cast<double>(jobs.size()));
  }
  return {};
}

/// Each lane takes the next part that none has taken. This thread is the first of them, and the one that reports.
result<void> picture_model::run_side_by_side(std::span<prepared_network* const> lanes, const planar_pictures& in, float* out,
                                             const tile_plan& plan, std::span<const job> jobs, const part_done_fn& report) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&](std::size_t lane, const part_done_fn& report_here) -> result<void> {
    const auto here = [&](const planar_pictures& parts, tensor& input) { return network_.run_at(*lanes[lane], parts, input); };
    for (std::size_t at = next++; at < jobs.size(); at = next++) {
      if (const auto done = run(here, in, out, plan, jobs.subspan(at, 1), at_work_[lane]); !done) {
        next = jobs.size();  // the others stop, too
        return done;
      }
      if (report_here) report_here(static_cast<double>(at + 1) / static_cast<double>(jobs.size()));
    }
    return {};
  };
  std::vector<std::future<result<void>>> others;
  try {
    for (std::size_t lane = 1; lane < lanes.size(); ++lane)
      others.push_back(std::async(std::launch::async, [&work, lane] { return work(lane, {}); }));
  } catch (const std::system_error&) {
    // No more threads are to be had: those that there are do it all.
  }
  auto ended = work(0, report);
  for (auto& other : others)
    if (auto its = other.get(); ended && !its) ended = its;
  if (ended && report) report(1);
  return ended;
}

result<void> picture_model::run(const run_fn& network, const planar_pictures& in, float* out, const tile_plan& plan,
                                std::span<const job> jobs, workspace& with) const {
  const auto tile_values = static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height);
  const auto picture_values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  const auto scale = static_cast<std::size_t>(description().scale);
  auto& [input, tiles, planes] = with;
  tiles.resize(jobs.size() * 3 * tile_values);  // red, green and blue of each part
  for (std::size_t i = 0; i < jobs.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c)
      cut_tile(in.values + (jobs[i].picture * 3 + c) * picture_values, in.width, in.height, plan, jobs[i].place,
               tiles.data() + (i * 3 + c) * tile_values);
  TROUPE_TRY(const auto outputs, network({jobs.size(), plan.width, plan.height, tiles.data()}, input));
  auto given = network_.part();
  given.shape = {static_cast<std::int64_t>(jobs.size()), given.shape[1], plan.height, plan.width};
  const auto& made = outputs[output_];
  if (!is_as_expected(made.full_type(), given))
    return network_.refuse(fmt::format("from {} the network made {}, where {} was expected", to_text(given.shape),
                                       to_text(made.shape()), to_text(expected_from(given.shape))));
  const auto widened = made.type() == dtype::f16 ? floats_of(made) : std::vector<float>{};
  const float* const results = made.type() == dtype::f16 ? widened.data() : made.as<float>();
  const auto each = static_cast<std::size_t>(made.count()) / jobs.size();
  for (std::size_t i = 0; i < jobs.size(); ++i)
    put_part(results + i * each, tiles.data() + i * 3 * tile_values, plan, jobs[i].place, in.width, in.height,
             out + jobs[i].picture * planes_made() * picture_values * scale * scale, planes);
  return {};
}

void picture_model::put_part(const float* channels, const float* tile, const tile_plan& plan, tile_plan::place at, int width,
                             int height, float* out, large_floats& planes) const {
  const auto& about = description();
  const auto squared = static_cast<std::size_t>(about.scale) * static_cast<std::size_t>(about.scale);
  const auto tile_values = squared * static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height);
  const auto picture_values = squared * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const bool is_plain = about.task != model_task::matte && about.colour != channel_order::y;
  if (is_plain) {  // a channel is a plane, and its values are touched once
    for (std::size_t c = 0; c < 3; ++c)
      put_tile(channels + c * tile_values, plan, at, about.scale, out + plane_of(about.colour, c) * picture_values, width, height,
               [&](const float* from, std::size_t values, float* to) { scale_back(from, values, about.out, c, to); });
    return;
  }
  planes.resize(planes_made() * tile_values);
  read_part(channels, tile, plan, planes.data());
  for (std::size_t c = 0; c < planes_made(); ++c)
    put_tile(planes.data() + c * tile_values, plan, at, about.scale, out + c * picture_values, width, height);
}

void picture_model::read_part(const float* channels, const float* tile, const tile_plan& plan, float* planes) const {
  const auto& about = description();
  const auto values = static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height);
  if (about.task != model_task::matte || about.matte.colours != matte_output::colours_kind::none)
    from_channels({channels, tile, plan.width, plan.height, about.scale}, about.colour, about.out, planes);
  else
    std::copy_n(tile, 3 * values, planes);
  if (about.task != model_task::matte) return;
  const float* const from = channels + static_cast<std::size_t>(about.matte.channel) * values;
  std::transform(from, from + values, planes + 3 * values, [&](float value) {
    const float alpha = about.matte.are_logits ? sigmoid(value) : value;
    // What is no number would stay one.
    const float share = alpha >= 0 ? std::min(alpha, 1.0F) : 0.0F;
    return about.matte.is_background ? 1 - share : share;
  });
}

void blend(std::span<const float> original, std::span<float> made, float strength) {
  std::transform(original.begin(), original.end(), made.begin(), made.begin(),
                 [strength](float from, float to) { return from + strength * (to - from); });
}

}  // namespace troupe::gpu
