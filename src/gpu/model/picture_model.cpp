#include "gpu/model/picture_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gpu/model/channels.hpp"
#include "gpu/operators.hpp"

namespace troupe::gpu {

namespace {

/// Networks that are kept ready, each for one shape: a picture's parts, a batch of them and a single one, before and after a
/// change of size.
constexpr std::size_t prepared_most = 4;
/// The side of a part where a description leaves pictures whole, to look at what the network makes of it.
constexpr int trial_side = 64;

error refuse(const model_description& of, const std::string& what) {
  return {errc::bad_request, fmt::format("{}: {}", of.network.string(), what)};
}

template <class T>
void to_elements(std::span<const float> from, T* to) {
  std::transform(from.begin(), from.end(), to, [](float value) { return T(value); });
}

/// The elements of a floating tensor as floats.
std::vector<float> floats_of(const tensor& from) {
  std::vector<float> values(static_cast<std::size_t>(from.count()));
  if (from.type() == dtype::f16)
    std::copy_n(from.as<half>(), values.size(), values.begin());
  else
    std::copy_n(from.as<float>(), values.size(), values.begin());
  return values;
}

}  // namespace

result<picture_model> picture_model::open(model_description description, std::shared_ptr<executor> where) {
  picture_model made(std::move(description), std::move(where));
  TROUPE_TRY(made.network_, read_onnx(made.description_.network));
  if (const auto supported = check_operators(made.network_.network); !supported)
    return refuse(made.description_, supported.error().detail);
  TROUPE_CHECK(made.check_input());
  TROUPE_CHECK(made.check_output());
  return made;
}

/// Looks at what the file says of the input: it has to be pictures.
result<void> picture_model::check_input() {
  const auto& network = network_.network;
  if (network.inputs.size() != 1)
    return refuse(description_,
                  fmt::format("the network has {} inputs; one that works on pictures has one", network.inputs.size()));
  const auto& input = network.values[network.inputs.front()];
  values_ = input.type.value_or(dtype::f32);
  if (values_ != dtype::f32 && values_ != dtype::f16)
    return refuse(description_,
                  fmt::format("input '{}' is of type {}; float and float16 are supported", input.name, to_string(values_)));
  if (!input.shape) return {};
  const auto& shape = *input.shape;
  const int channels = channels_of(description_.colour);
  if (shape.size() != 4 || (shape[1] != channels && shape[1] != open_length))
    return refuse(description_, fmt::format("input '{}' has the shape {}; with the description's colour it has to be [batch, {}, "
                                            "height, width]",
                                            input.name, to_text(shape), channels));
  if (shape[0] != open_length && shape[0] != 1)
    return refuse(description_,
                  fmt::format("input '{}' takes {} pictures at once, no more and no less; export it with an open batch",
                              input.name, shape[0]));
  if (shape[0] == 1 && description_.batch != 1)
    return refuse(
        description_,
        fmt::format("input '{}' takes one picture at a time; say 'batch: 1', or export it with an open batch", input.name));
  fixed_height_ = std::max<std::int64_t>(shape[2], 0);
  fixed_width_ = std::max<std::int64_t>(shape[3], 0);
  const auto least = 2 * description_.overlap + description_.multiple;
  for (const auto side : {fixed_height_, fixed_width_})
    if (side != 0 && (side < least || side > 8192))
      return refuse(description_, fmt::format("input '{}' has the shape {}; its sides have to be {} to 8192 with this overlap",
                                              input.name, to_text(shape), least));
  return {};
}

tensor_type picture_model::input_type(std::size_t count, int width, int height) const {
  return {values_, {static_cast<std::int64_t>(count), channels_of(description_.colour), height, width}};
}

/// Follows one part through the network: it has to come out `scale` times as large.
result<void> picture_model::check_output() {
  const int side = description_.tile > 0 ? description_.tile : trial_side;
  const auto plan = plan_for(side, side);
  part_ = input_type(1, plan.width, plan.height);
  if (description_.batch > 1) {  // a network may be open for batches in its file, and closed inside
    const auto together = input_type(static_cast<std::size_t>(description_.batch), plan.width, plan.height);
    const auto seen = look_at(network_.network, std::span(&together, 1));
    if (!seen) return refuse(description_, fmt::format("with 'batch: {}': {}", description_.batch, seen.error().detail));
    const bool is_kept = seen->outputs.empty() || !seen->outputs.front() || seen->outputs.front()->shape.empty()
                         || seen->outputs.front()->shape[0] == description_.batch;
    if (!is_kept)
      return refuse(description_, fmt::format("from {} pictures at once the network makes {}; say 'batch: 1'", description_.batch,
                                              to_text(seen->outputs.front()->shape)));
  }
  auto facts = look_at(network_.network, std::span(&part_, 1));
  if (!facts) return refuse(description_, facts.error().detail);
  facts_ = *std::move(facts);
  if (facts_.outputs.empty()) return refuse(description_, "the network has no output");
  const auto& output = facts_.outputs.front();
  if (!output) return {};
  const dims expected{1, part_.shape[1], part_.shape[2] * description_.scale, part_.shape[3] * description_.scale};
  if (output->shape != expected || (output->type != dtype::f32 && output->type != dtype::f16))
    return refuse(description_,
                  fmt::format("from {} the network makes {} {}; with the description's scale it has to be {} of type "
                              "float or float16",
                              to_text(part_.shape), to_string(output->type), to_text(output->shape), to_text(expected)));
  return {};
}

result<prepared_network*> picture_model::prepared_for(const tensor_type& type) {
  const auto found = std::ranges::find(prepared_, type, &prepared::type);
  if (found != prepared_.end()) {
    prepared_.splice(prepared_.begin(), prepared_, found);
    return prepared_.front().network.get();
  }
  while (prepared_.size() >= prepared_most) prepared_.pop_back();
  auto made = where_->prepare(network_.network, std::span(&type, 1));
  if (!made) return refuse(description_, made.error().detail);
  prepared_.push_front({type, *std::move(made)});
  return prepared_.front().network.get();
}

tile_plan picture_model::plan_for(int width, int height) const {
  return plan_tiles(width, height,
                    {.side = description_.tile,
                     .margin = description_.overlap,
                     .multiple = description_.multiple,
                     .fixed_width = static_cast<int>(fixed_width_),
                     .fixed_height = static_cast<int>(fixed_height_)});
}

result<std::size_t> picture_model::make_ready(std::size_t count, int width, int height) {
  const auto plan = plan_for(width, height);
  const auto jobs = count * plan.places.size(), together = static_cast<std::size_t>(description_.batch);
  const auto at_once = jobs >= together ? together : 1;
  TROUPE_CHECK(prepared_for(input_type(at_once, plan.width, plan.height)));
  const bool has_rest = at_once != 1 && (count > 1 || jobs % together != 0);
  if (has_rest) TROUPE_CHECK(prepared_for(input_type(1, plan.width, plan.height)));
  // As they are cut, as they are given, as they come out, and as a picture again.
  const auto values = static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height);
  const auto scale = static_cast<std::size_t>(description_.scale);
  return memory() + sizeof(float) * 3 * values * at_once * (3 + 3 * scale * scale);
}

std::size_t picture_model::memory() const {
  std::size_t sum = 0;
  for (const auto& value : network_.network.values)
    if (value.constant) sum += bytes_of(value.constant->full_type());
  for (const auto& one : prepared_) sum += one.network->memory();
  return sum;
}

result<void> picture_model::apply(const planar_pictures& in, float* out, const part_done_fn& report) {
  const auto plan = plan_for(in.width, in.height);
  std::vector<job> jobs;
  for (std::size_t picture = 0; picture < in.count; ++picture)
    for (const auto place : plan.places) jobs.push_back({picture, place});
  const std::span all(jobs);
  const auto together = static_cast<std::size_t>(description_.batch);
  for (std::size_t done = 0; done < jobs.size();) {
    // What is left of a batch goes one by one: another size of batch would be another network to prepare.
    const std::size_t now = jobs.size() - done >= together ? together : 1;
    TROUPE_CHECK(run(in, out, plan, all.subspan(done, now)));
    done += now;
    if (report) report(static_cast<double>(done) / static_cast<double>(jobs.size()));
  }
  return {};
}

result<void> picture_model::run(const planar_pictures& in, float* out, const tile_plan& plan, std::span<const job> jobs) {
  const auto type = input_type(jobs.size(), plan.width, plan.height);
  TROUPE_TRY(auto* const network, prepared_for(type));
  const auto channels = static_cast<std::size_t>(channels_of(description_.colour));
  const auto tile_values = static_cast<std::size_t>(plan.width) * static_cast<std::size_t>(plan.height);
  const auto picture_values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  const auto scale = static_cast<std::size_t>(description_.scale);
  std::vector<float> tiles(jobs.size() * 3 * tile_values);  // red, green and blue of each part
  std::vector<float> given(jobs.size() * channels * tile_values);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    float* const tile = tiles.data() + i * 3 * tile_values;
    for (std::size_t c = 0; c < 3; ++c)
      cut_tile(in.values + (jobs[i].picture * 3 + c) * picture_values, in.width, in.height, plan, jobs[i].place,
               tile + c * tile_values);
    to_channels(tile, tile_values, description_.colour, description_.in, given.data() + i * channels * tile_values);
  }
  tensor input(type);
  if (values_ == dtype::f16)
    to_elements(given, input.as<half>());
  else
    to_elements(given, input.as<float>());
  TROUPE_TRY(const auto made, network->run(std::span(&input, 1)));
  const dims expected{static_cast<std::int64_t>(jobs.size()), static_cast<std::int64_t>(channels),
                      static_cast<std::int64_t>(static_cast<std::size_t>(plan.height) * scale),
                      static_cast<std::int64_t>(static_cast<std::size_t>(plan.width) * scale)};
  if (made.empty() || made.front().shape() != expected
      || (made.front().type() != dtype::f32 && made.front().type() != dtype::f16))
    return refuse(description_, fmt::format("from {} the network made {}, where {} was expected", to_text(type.shape),
                                            made.empty() ? "nothing" : to_text(made.front().shape()), to_text(expected)));
  const auto results = floats_of(made.front());
  const auto result_values = tile_values * scale * scale;
  std::vector<float> picture(3 * result_values);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    from_channels({results.data() + i * channels * result_values, tiles.data() + i * 3 * tile_values, plan.width, plan.height,
                   description_.scale},
                  description_.colour, description_.out, picture.data());
    for (std::size_t c = 0; c < 3; ++c)
      put_tile(picture.data() + c * result_values, plan, jobs[i].place, description_.scale,
               out + (jobs[i].picture * 3 + c) * picture_values * scale * scale, in.width, in.height);
  }
  return {};
}

void blend(std::span<const float> original, std::span<float> made, float strength) {
  std::transform(original.begin(), original.end(), made.begin(), made.begin(),
                 [strength](float from, float to) { return from + strength * (to - from); });
}

}  // namespace troupe::gpu
