#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gpu/model/picture_network.hpp"

namespace troupe::gpu {

/// A network that makes a vector of a picture. For one thread at a time.
class embedder {
 public:
  static constexpr std::int64_t dimensions_most = 16'384;

  /// @returns `bad_request` when the network is not supported, or does not do what the description says.
  static result<embedder> open(model_description description, std::shared_ptr<executor> where);

  [[nodiscard]] const picture_network& network() const noexcept { return network_; }
  [[nodiscard]] const model_description& description() const noexcept { return network_.description(); }

  /// Makes ready what pictures of this size need, without touching the memory that their work needs.
  /// @returns bytes of weights, of all that is ready, and of the parts at work
  result<std::size_t> make_ready(std::size_t count, int width, int height);
  /// Bytes of weights and of all that is ready.
  [[nodiscard]] std::size_t memory() const { return network_.memory(); }

  /// @returns a vector of length 1 for each picture (of zeros, where the network made nothing else)
  result<std::vector<std::vector<float>>> embed(const planar_pictures& in);

 private:
  explicit embedder(picture_network network) : network_(std::move(network)) {}

  picture_network network_;
  std::size_t output_ = 0;  ///< which of the network's
};

/// Divides a vector by its length (the root of the sum of squares). One of zeros, or with what is no number, becomes zeros.
void normalise(std::span<float> vector);

}  // namespace troupe::gpu
