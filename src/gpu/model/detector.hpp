#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gpu/model/boxes.hpp"
#include "gpu/model/decode.hpp"
#include "gpu/model/picture_network.hpp"

namespace troupe::gpu {

/// What a caller asks of a detector; where nothing is said, the description holds.
struct detect_options {
  std::optional<float> confidence{}, overlap{};
};

/// A network that says what is seen in a picture, and where. For one thread at a time.
class detector {
 public:
  /// In one picture.
  static constexpr std::size_t sightings_most = 300;

  /// @returns `bad_request` when the network is not supported, or does not do what the description says.
  static result<detector> open(model_description description, std::shared_ptr<executor> where);

  [[nodiscard]] const picture_network& network() const noexcept { return network_; }
  [[nodiscard]] const model_description& description() const noexcept { return network_.description(); }

  /// Makes ready what pictures of this size need, without touching the memory that their work needs.
  /// @returns bytes of weights, of all that is ready, and of the parts at work
  result<std::size_t> make_ready(std::size_t count, int width, int height);
  /// Bytes of weights and of all that is ready.
  [[nodiscard]] std::size_t memory() const { return network_.memory(); }

  /// @returns what is seen in each picture, best first, in its pixels
  result<std::vector<std::vector<sighting>>> find(const planar_pictures& in, const detect_options& options);

 private:
  explicit detector(picture_network network) : network_(std::move(network)) {}
  result<std::vector<std::vector<sighting>>> find_group(const planar_pictures& in, const detect_options& options);

  picture_network network_;
  std::vector<std::size_t> outputs_;  ///< which of the network's
};

}  // namespace troupe::gpu
