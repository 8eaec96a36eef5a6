#pragma once

#include "gpu/model/fit.hpp"
#include "gpu/model/picture_model.hpp"

namespace troupe::gpu {

/// A network that tells foreground from background. Pictures go through it at their own size, large ones in parts; or, where the
/// description or the network's file says a size, whole, brought to that size and their mattes back. For one thread at a time.
class matter {
 public:
  /// @returns `bad_request` when the network is not supported, or does not do what the description says.
  static result<matter> open(model_description description, std::shared_ptr<executor> where);

  [[nodiscard]] const picture_network& network() const noexcept { return model_.network(); }
  [[nodiscard]] const model_description& description() const noexcept { return model_.description(); }

  /// Makes ready what pictures of this size need, without touching the memory that their work needs.
  /// @returns bytes of weights, of all that is ready, and of the parts at work
  result<std::size_t> make_ready(std::size_t count, int width, int height);
  /// Bytes of weights and of all that is ready, and of what the last parts at work have left.
  [[nodiscard]] std::size_t memory() const { return model_.memory(); }

  /// @param alpha takes `count` planes: 1 is foreground
  /// @param colours takes count * 3 planes: what the foreground looks like, where there is some
  result<void> apply(const planar_pictures& in, float* alpha, float* colours, const part_done_fn& report);

 private:
  explicit matter(picture_model model) : model_(std::move(model)) {}
  result<void> apply_whole(const planar_pictures& in, float* alpha, float* colours, const part_done_fn& report);

  picture_model model_;
};

}  // namespace troupe::gpu
