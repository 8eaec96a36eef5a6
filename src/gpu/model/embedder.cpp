#include "gpu/model/embedder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::gpu {

namespace {

/// [batch, n], perhaps with axes of one behind.
bool is_vector(const tensor_type& made, std::int64_t pictures) {
  if (made.type != dtype::f32 && made.type != dtype::f16) return false;
  if (made.shape.size() < 2 || made.shape[0] != pictures || made.shape[1] < 1 || made.shape[1] > embedder::dimensions_most)
    return false;
  return std::all_of(made.shape.begin() + 2, made.shape.end(), [](std::int64_t length) { return length == 1; });
}

}  // namespace

result<embedder> embedder::open(model_description description, std::shared_ptr<executor> where) {
  TROUPE_TRY(auto network, picture_network::open(std::move(description), std::move(where)));
  embedder made(std::move(network));
  TROUPE_CHECK(made.network_.follow(made.description().width, made.description().height));
  TROUPE_TRY(const auto places, made.network_.outputs(1));
  made.output_ = places.front();
  const auto& output = made.network_.facts().outputs[made.output_];
  if (output && !is_vector(*output, 1))
    return made.network_.refuse(
        fmt::format("of one picture the network makes {} {}; it has to be [1, n], n up to {}, of type float or "
                    "float16",
                    to_string(output->type), to_text(output->shape), dimensions_most));
  return made;
}

result<std::size_t> embedder::make_ready(std::size_t count, int, int) {
  const auto& about = description();
  TROUPE_CHECK(network_.make_ready(count > 1 ? count + 1 : count, about.width, about.height));
  // As they are brought to the size, and as they are given.
  const auto fitted = static_cast<std::size_t>(about.width) * static_cast<std::size_t>(about.height);
  return memory() + sizeof(float) * fitted * network_.next_group(count) * 6;
}

result<std::vector<std::vector<float>>> embedder::embed(const planar_pictures& in) {
  const auto& about = description();
  const auto plan = plan_fit(in.width, in.height, about.width, about.height, about.fit);
  const auto values = static_cast<std::size_t>(in.width) * static_cast<std::size_t>(in.height);
  const auto fitted = static_cast<std::size_t>(about.width) * static_cast<std::size_t>(about.height);
  std::vector<std::vector<float>> vectors;
  while (vectors.size() < in.count) {
    const auto now = network_.next_group(in.count - vectors.size());
    std::vector<float> given(now * 3 * fitted);
    for (std::size_t plane = 0; plane < now * 3; ++plane)
      fit_plane(in.values + (vectors.size() * 3 + plane) * values, plan, about.fill, given.data() + plane * fitted);
    TROUPE_TRY(const auto outputs, network_.run({now, about.width, about.height, given.data()}));
    const auto& made = outputs[output_];
    if (!is_vector(made.full_type(), static_cast<std::int64_t>(now)))
      return network_.refuse(
          fmt::format("of {} pictures the network made {}, that is no vector for each", now, to_text(made.shape())));
    const auto results = floats_of(made);
    const auto length = static_cast<std::ptrdiff_t>(made.shape()[1]);
    for (std::size_t i = 0; i < now; ++i) {
      const auto first = results.begin() + static_cast<std::ptrdiff_t>(i) * length;
      normalise(vectors.emplace_back(first, first + length));
    }
  }
  return vectors;
}

void normalise(std::span<float> vector) {
  double squares = 0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  const bool is_usable = squares > 0 && std::isfinite(squares);
  const double length = std::sqrt(squares);
  for (float& value : vector) value = is_usable ? static_cast<float>(static_cast<double>(value) / length) : 0.0F;
}

}  // namespace troupe::gpu
