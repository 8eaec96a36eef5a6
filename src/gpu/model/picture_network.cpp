#include "gpu/model/picture_network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/huge_pages.hpp"
#include "gpu/model/channels.hpp"
#include "gpu/operators.hpp"

namespace troupe::gpu {

namespace {

/// Networks that are kept ready, each for one shape: a picture's parts, a batch of them and a single one, before and after a
/// change of size.
constexpr std::size_t prepared_most = 4;
constexpr std::int64_t side_most = 8192;
/// Where they would need more together, a network is run on one picture at a time: its steps are large enough for all threads.
constexpr std::size_t lanes_bytes_most = std::size_t{128} << 20;

}  // namespace

std::vector<float> floats_of(const tensor& from) {
  std::vector<float> values(static_cast<std::size_t>(from.count()));
  if (from.type() == dtype::f16)
    std::copy_n(from.as<half>(), values.size(), values.begin());
  else
    std::copy_n(from.as<float>(), values.size(), values.begin());
  return values;
}

error picture_network::refuse(std::string_view what) const {
  return {errc::bad_request, fmt::format("{}: {}", description_.network.string(), what)};
}

result<picture_network> picture_network::open(model_description description, std::shared_ptr<executor> where) {
  picture_network made(std::move(description), std::move(where));
  TROUPE_TRY(made.network_, read_onnx(made.description_.network));
  if (const auto supported = check_operators(made.network_.network); !supported) return made.refuse(supported.error().detail);
  TROUPE_CHECK(made.check_input());
  return made;
}

/// Looks at what the file says of the input: it has to be pictures.
result<void> picture_network::check_input() {
  const auto& network = network_.network;
  if (network.inputs.size() != 1)
    return refuse(fmt::format("the network has {} inputs; one that works on pictures has one", network.inputs.size()));
  const auto& input = network.values[network.inputs.front()];
  values_ = input.type.value_or(dtype::f32);
  if (values_ != dtype::f32 && values_ != dtype::f16)
    return refuse(fmt::format("input '{}' is of type {}; float and float16 are supported", input.name, to_string(values_)));
  if (!input.shape) return {};
  const auto& shape = *input.shape;
  const int channels = channels_of(description_.colour);
  if (shape.size() != 4 || (shape[1] != channels && shape[1] != open_length))
    return refuse(
        fmt::format("input '{}' has the shape {}; with the description's colour it has to be [batch, {}, "
                    "height, width]",
                    input.name, to_text(shape), channels));
  if (shape[0] != open_length && shape[0] != 1)
    return refuse(fmt::format("input '{}' takes {} pictures at once, no more and no less; export it with an open batch",
                              input.name, shape[0]));
  if (shape[0] == 1 && description_.batch != 1)
    return refuse(
        fmt::format("input '{}' takes one picture at a time; say 'batch: 1', or export it with an open batch", input.name));
  fixed_height_ = static_cast<int>(std::clamp<std::int64_t>(shape[2], 0, side_most + 1));
  fixed_width_ = static_cast<int>(std::clamp<std::int64_t>(shape[3], 0, side_most + 1));
  if (fixed_height_ > side_most || fixed_width_ > side_most)
    return refuse(fmt::format("input '{}' has the shape {}; sides up to {} are accepted", input.name, to_text(shape), side_most));
  return check_size();
}

/// Where the description says no size and the file does, that holds: pictures are brought to it whole, but for the tasks that
/// make pictures.
result<void> picture_network::check_size() {
  const bool is_whole = description_.task != model_task::upscale && description_.task != model_task::filter;
  if (!is_whole) return {};
  if (description_.width == 0) {
    description_.width = fixed_width_;
    description_.height = fixed_height_;
  }
  const auto fits = [](int fixed, int said) { return fixed == 0 || fixed == said; };
  const auto text = [](int fixed) { return fixed == 0 ? "any" : std::to_string(fixed); };
  if (!fits(fixed_width_, description_.width) || !fits(fixed_height_, description_.height)
      || (description_.width == 0) != (description_.height == 0))
    return refuse(fmt::format("the description's 'size' is {} x {}, the network takes {} x {}", text(description_.width),
                              text(description_.height), text(fixed_width_), text(fixed_height_)));
  if (description_.width == 0 && description_.task != model_task::matte)
    return refuse("the network takes pictures of any size; say in 'input' to which 'size' they are brought");
  if (description_.width != 0) description_.tile = description_.overlap = 0;
  return {};
}

tensor_type picture_network::input_type(std::size_t count, int width, int height) const {
  return {values_, {static_cast<std::int64_t>(count), channels_of(description_.colour), height, width}};
}

result<void> picture_network::follow(int width, int height) {
  part_ = input_type(1, width, height);
  if (description_.batch > 1) {  // a network may be open for batches in its file, and closed inside
    const auto together = input_type(static_cast<std::size_t>(description_.batch), width, height);
    const auto seen = look_at(network_.network, std::span(&together, 1));
    if (!seen) return refuse(fmt::format("with 'batch: {}': {}", description_.batch, seen.error().detail));
    TROUPE_TRY(const auto places, outputs(seen->outputs.empty() ? 0 : 1));
    for (const auto place : places) {
      const auto& output = seen->outputs[place];
      if (output && !output->shape.empty() && output->shape[0] != description_.batch)
        return refuse(fmt::format("from {} pictures at once the network makes {}; say 'batch: 1'", description_.batch,
                                  to_text(output->shape)));
    }
  }
  auto facts = look_at(network_.network, std::span(&part_, 1));
  if (!facts) return refuse(facts.error().detail);
  facts_ = *std::move(facts);
  if (facts_.outputs.empty()) return refuse("the network has no output");
  return {};
}

result<std::vector<std::size_t>> picture_network::outputs(std::size_t count) const {
  const auto& network = network_.network;
  std::vector<std::size_t> places;
  for (const auto& name : description_.output_names) {
    const auto at = std::ranges::find_if(network.outputs, [&](value_id id) { return network.values[id].name == name; });
    if (at == network.outputs.end()) {
      std::string known;
      for (const auto id : network.outputs) known += fmt::format("{}'{}'", known.empty() ? "" : ", ", network.values[id].name);
      return refuse(fmt::format("there is no output '{}'; the network has {}", name, known));
    }
    places.push_back(static_cast<std::size_t>(at - network.outputs.begin()));
  }
  for (std::size_t i = 0; places.size() < count && i < network.outputs.size(); ++i) places.push_back(i);
  if (places.size() < count)
    return refuse(fmt::format("the network has {} outputs, the description's layout needs {}", network.outputs.size(), count));
  return places;
}

result<prepared_network*> picture_network::prepared_for(const tensor_type& type) {
  const auto found = std::ranges::find(prepared_, type, &prepared::type);
  if (found != prepared_.end()) {
    prepared_.splice(prepared_.begin(), prepared_, found);
    return prepared_.front().network.get();
  }
  while (prepared_.size() >= prepared_most) prepared_.pop_back();
  auto made = where_->prepare(network_.network, std::span(&type, 1), description_.computed_in);
  if (!made) return refuse(made.error().detail);
  prepared_.push_front({type, *std::move(made)});
  return prepared_.front().network.get();
}

result<std::vector<prepared_network*>> picture_network::lanes_for(std::size_t count, int width, int height) {
  if (split_.each == nullptr || description_.batch != 1 || count < 2 * split_.count) return std::vector<prepared_network*>{};
  const auto type = input_type(1, width, height);
  if (lanes_.type != type) {
    lanes_ = {type, {}};
    for (std::size_t i = 0; i < split_.count; ++i) {
      auto one = split_.each->prepare(network_.network, std::span(&type, 1), description_.computed_in);
      if (!one) return refuse(one.error().detail);
      if ((*one)->memory() * split_.count > lanes_bytes_most) break;
      lanes_.networks.push_back(*std::move(one));
    }
  }
  std::vector<prepared_network*> ready;
  for (const auto& one : lanes_.networks) ready.push_back(one.get());
  return ready;
}

result<void> picture_network::make_ready(std::size_t count, int width, int height) {
  const auto at_once = next_group(count), together = static_cast<std::size_t>(description_.batch);
  TROUPE_CHECK(prepared_for(input_type(at_once, width, height)));
  if (at_once != 1 && count % together != 0) TROUPE_CHECK(prepared_for(input_type(1, width, height)));
  return {};
}

std::size_t picture_network::memory() const {
  std::size_t sum = 0;
  for (const auto& value : network_.network.values)
    if (value.constant) sum += bytes_on_pages(bytes_of(value.constant->full_type()));
  for (const auto& one : prepared_) sum += one.network->memory();
  for (const auto& one : lanes_.networks) sum += one->memory();
  return sum;
}

result<std::vector<tensor>> picture_network::run(const planar_pictures& pictures, tensor& input) {
  TROUPE_TRY(auto* const network, prepared_for(input_type(pictures.count, pictures.width, pictures.height)));
  return run_at(*network, pictures, input);
}

result<std::vector<tensor>> picture_network::run_at(prepared_network& lane, const planar_pictures& pictures,
                                                    tensor& input) const {
  const auto type = input_type(pictures.count, pictures.width, pictures.height);
  if (input.full_type() != type) input = tensor(type);
  const auto channels = static_cast<std::size_t>(channels_of(description_.colour));
  const auto values = static_cast<std::size_t>(pictures.width) * static_cast<std::size_t>(pictures.height);
  std::vector<float> given(values_ == dtype::f16 ? pictures.count * channels * values : 0);
  float* const to = values_ == dtype::f16 ? given.data() : input.as<float>();
  for (std::size_t i = 0; i < pictures.count; ++i)
    to_channels(pictures.values + i * 3 * values, values, description_.colour, description_.in, to + i * channels * values);
  std::copy(given.begin(), given.end(), input.as<half>());
  return lane.run(std::span(&input, 1));
}

std::size_t picture_network::next_group(std::size_t left) const noexcept {
  const auto together = static_cast<std::size_t>(description_.batch);
  return left >= together ? together : 1;
}

}  // namespace troupe::gpu
