#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <span>

#include "gpu/executor.hpp"
#include "gpu/model/description.hpp"
#include "gpu/model/look.hpp"
#include "gpu/model/tiles.hpp"
#include "gpu/onnx/read.hpp"

namespace troupe::gpu {

/// Pictures of one size: planes of red, green, blue for each, rows without gaps, values from 0 to 1.
struct planar_pictures {
  std::size_t count = 0;
  int width = 0;
  int height = 0;
  const float* values = nullptr;
};

/// How far the work at some pictures is, from 0 to 1.
using part_done_fn = std::function<void(double)>;

/// A network that makes pictures of pictures, with all that belongs around it: parts of large pictures, order and scale of
/// values. For one thread at a time.
class picture_model {
 public:
  /// @returns `bad_request` when the network is not supported, or does not do what the description says.
  static result<picture_model> open(model_description description, std::shared_ptr<executor> where);

  [[nodiscard]] const model_description& description() const noexcept { return description_; }
  [[nodiscard]] const onnx_model& network() const noexcept { return network_; }
  /// Of one part, as it is given to the network.
  [[nodiscard]] const network_facts& facts() const noexcept { return facts_; }
  [[nodiscard]] const tensor_type& part() const noexcept { return part_; }

  /// Makes ready what pictures of this size need, without touching the memory that their work needs.
  /// @returns bytes of weights, of all that is ready, and of the parts at work
  result<std::size_t> make_ready(std::size_t count, int width, int height);
  /// Bytes of weights and of all that is ready.
  [[nodiscard]] std::size_t memory() const;

  /// @param out takes count * 3 planes, `scale` times as wide and high
  result<void> apply(const planar_pictures& in, float* out, const part_done_fn& report);

 private:
  struct prepared {
    tensor_type type;
    std::unique_ptr<prepared_network> network;
  };
  /// One part of one of the pictures.
  struct job {
    std::size_t picture = 0;
    tile_plan::place place;
  };

  picture_model(model_description description, std::shared_ptr<executor> where)
      : description_(std::move(description)), where_(std::move(where)) {}
  result<void> check_input();
  result<void> check_output();
  [[nodiscard]] tile_plan plan_for(int width, int height) const;
  [[nodiscard]] tensor_type input_type(std::size_t count, int width, int height) const;
  result<prepared_network*> prepared_for(const tensor_type& type);
  result<void> run(const planar_pictures& in, float* out, const tile_plan& plan, std::span<const job> jobs);

  model_description description_;
  std::shared_ptr<executor> where_;
  onnx_model network_;
  dtype values_ = dtype::f32;  ///< of input and output
  std::int64_t fixed_width_ = 0, fixed_height_ = 0;
  network_facts facts_;
  tensor_type part_;
  std::list<prepared> prepared_;  ///< the one used last in front
};

/// Mixes what was made with what it was made from. @param strength 0: only the original, 1: only what was made
void blend(std::span<const float> original, std::span<float> made, float strength);

}  // namespace troupe::gpu
