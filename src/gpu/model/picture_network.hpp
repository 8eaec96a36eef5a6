#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "gpu/executor.hpp"
#include "gpu/model/description.hpp"
#include "gpu/model/look.hpp"
#include "gpu/onnx/read.hpp"

namespace troupe::gpu {

/// Pictures of one size: planes of red, green, blue for each, rows without gaps, values from 0 to 1.
struct planar_pictures {
  std::size_t count = 0;
  int width = 0;
  int height = 0;
  const float* values = nullptr;
};

/// A network that takes pictures, with its description. What its outputs mean is the matter of who uses it. For one thread at a
/// time.
class picture_network {
 public:
  /// @returns `bad_request` when the network is not supported, or does not take what the description says.
  static result<picture_network> open(model_description description, std::shared_ptr<executor> where);

  /// As it was given; a size that the network's file alone says is in it, too, where pictures are brought to one.
  [[nodiscard]] const model_description& description() const noexcept { return description_; }
  [[nodiscard]] const onnx_model& network() const noexcept { return network_; }
  /// What the file says of the pictures' size; 0: anything.
  [[nodiscard]] int fixed_width() const noexcept { return fixed_width_; }
  [[nodiscard]] int fixed_height() const noexcept { return fixed_height_; }

  /// Follows pictures of a size through the network: what it makes of them is what its outputs are judged by. Also of a whole
  /// batch, where the description has one. Call once.
  result<void> follow(int width, int height);
  /// What was followed: one picture.
  [[nodiscard]] const tensor_type& part() const noexcept { return part_; }
  [[nodiscard]] const network_facts& facts() const noexcept { return facts_; }

  /// Places of the outputs that the description names, or the first ones.
  /// @param count how many are needed
  [[nodiscard]] result<std::vector<std::size_t>> outputs(std::size_t count) const;
  /// Makes ready what so many pictures of this size need, without touching the memory that their work needs.
  result<void> make_ready(std::size_t count, int width, int height);
  /// Networks for one picture of this size each, that may run at the same time; none where it is better to call `run` for one
  /// after the other. They are valid until it is called for another size.
  /// @param count of the pictures
  result<std::vector<prepared_network*>> lanes_for(std::size_t count, int width, int height);
  /// Bytes of weights and of all that is ready.
  [[nodiscard]] std::size_t memory() const;
  /// @returns all outputs; valid until the next call
  result<std::vector<tensor>> run(const planar_pictures& pictures) {
    tensor input;
    return run(pictures, input);
  }
  /// @param input memory that is used again by calls with pictures of one size: the kernel clears what is new page by page
  result<std::vector<tensor>> run(const planar_pictures& pictures, tensor& input);
  /// The same at one of `lanes_for`, at the same time as at others.
  result<std::vector<tensor>> run_at(prepared_network& lane, const planar_pictures& pictures, tensor& input) const;
  /// Pictures in groups of the description's batch; what is left goes one by one, for another size of batch would be another
  /// network to prepare. @returns how many come next of so many that are left
  [[nodiscard]] std::size_t next_group(std::size_t left) const noexcept;

  /// "FILE: what", as `bad_request`.
  [[nodiscard]] error refuse(std::string_view what) const;

 private:
  struct prepared {
    tensor_type type;
    std::unique_ptr<prepared_network> network;
  };
  /// Networks for one picture of one size, next to each other.
  struct lanes {
    tensor_type type;
    std::vector<std::unique_ptr<prepared_network>> networks;  ///< none: it is too large for that
  };

  picture_network(model_description description, std::shared_ptr<executor> where)
      : description_(std::move(description)), where_(std::move(where)), split_(where_->split()) {}
  result<void> check_input();
  result<void> check_size();
  [[nodiscard]] tensor_type input_type(std::size_t count, int width, int height) const;
  result<prepared_network*> prepared_for(const tensor_type& type);

  model_description description_;
  std::shared_ptr<executor> where_;
  side_by_side split_;
  onnx_model network_;
  dtype values_ = dtype::f32;  ///< of the input
  int fixed_width_ = 0, fixed_height_ = 0;
  network_facts facts_;
  tensor_type part_;
  std::list<prepared> prepared_;  ///< the one used last in front
  lanes lanes_;
};

/// The elements of a floating tensor as floats.
[[nodiscard]] std::vector<float> floats_of(const tensor& from);

}  // namespace troupe::gpu
