#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/huge_pages.hpp"
#include "gpu/model/picture_network.hpp"
#include "gpu/model/tiles.hpp"

namespace troupe::gpu {

/// How far the work at some pictures is, from 0 to 1.
using part_done_fn = std::function<void(double)>;

/// A network that makes pictures of pictures (the tasks `upscale`, `filter` and `matte`), large ones in parts. For one thread at
/// a time.
class picture_model {
 public:
  /// @returns `bad_request` when the network is not supported, or does not do what the description says.
  static result<picture_model> open(model_description description, std::shared_ptr<executor> where);

  [[nodiscard]] const picture_network& network() const noexcept { return network_; }
  [[nodiscard]] const model_description& description() const noexcept { return network_.description(); }
  /// Of one picture's result: red, green and blue; of the task `matte` the foreground's colours (the picture's own, if the
  /// network makes none) and alpha.
  [[nodiscard]] std::size_t planes_made() const noexcept { return description().task == model_task::matte ? 4 : 3; }

  /// Makes ready what pictures of this size need, without touching the memory that their work needs; what parts of earlier ones
  /// have left goes.
  /// @returns bytes of weights, of all that is ready, and of the parts at work
  result<std::size_t> make_ready(std::size_t count, int width, int height);
  /// Bytes of weights and of all that is ready, and of what the last parts at work have left.
  [[nodiscard]] std::size_t memory() const { return network_.memory() + left_bytes(); }

  /// @param out takes count * `planes_made()` planes, `scale` times as wide and high
  result<void> apply(const planar_pictures& in, float* out, const part_done_fn& report);

 private:
  /// One part of one of the pictures.
  struct job {
    std::size_t picture = 0;
    tile_plan::place place;
  };

  /// Memory of parts at work, the same from one to the next.
  struct workspace {
    tensor input;
    large_floats tiles, planes;
    [[nodiscard]] std::size_t bytes() const noexcept {
      return input.bytes() + sizeof(float) * (tiles.capacity() + planes.capacity());
    }
  };

  explicit picture_model(picture_network network) : network_(std::move(network)) {}
  [[nodiscard]] std::size_t left_bytes() const;
  [[nodiscard]] tile_plan plan_for(int width, int height) const;
  [[nodiscard]] bool is_as_expected(const tensor_type& made, const tensor_type& given) const;
  [[nodiscard]] dims expected_from(const dims& given) const;
  result<void> check_margins();
  result<void> check_output();
  using run_fn = std::function<result<std::vector<tensor>>(const planar_pictures&, tensor&)>;
  result<void> run(const run_fn& network, const planar_pictures& in, float* out, const tile_plan& plan, std::span<const job> jobs,
                   workspace& with) const;
  result<void> run_side_by_side(std::span<prepared_network* const> lanes, const planar_pictures& in, float* out,
                                const tile_plan& plan, std::span<const job> jobs, const part_done_fn& report);
  /// Puts what the network made of a part into its picture. @param out the picture's planes
  void put_part(const float* channels, const float* tile, const tile_plan& plan, tile_plan::place at, int width, int height,
                float* out, large_floats& planes) const;
  /// One part's planes of what the network made of it.
  void read_part(const float* channels, const float* tile, const tile_plan& plan, float* planes) const;

  picture_network network_;
  std::size_t output_ = 0;          ///< which of the network's
  std::vector<workspace> at_work_;  ///< of each lane, kept from one picture to the next: new memory costs more than copying
};

/// Mixes what was made with what it was made from. @param strength 0: only the original, 1: only what was made
void blend(std::span<const float> original, std::span<float> made, float strength);

}  // namespace troupe::gpu
