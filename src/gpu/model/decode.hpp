#pragma once

#include <span>
#include <vector>

#include "gpu/model/boxes.hpp"
#include "gpu/model/description.hpp"
#include "gpu/tensor.hpp"

namespace troupe::gpu {

/// How far the boxes of one picture lie apart in the outputs of a detector, and how many there are.
struct boxes_shape {
  std::size_t count = 0;
  std::size_t values = 0;  ///< of each box
};

/// What a detector made of one picture.
struct raw_boxes {
  std::span<const float> boxes;   ///< as the layout says
  std::span<const float> scores;  ///< of the layout `apart`
  boxes_shape shape;
};

/// @param boxes the output with the boxes, of any number of pictures
/// @param scores the other one, of the layout `apart`
/// @returns `bad_request` with what a layout looks like, when that is another one. Of lengths that are open (-1) nothing is said.
[[nodiscard]] result<boxes_shape> shape_of_boxes(const detect_output& how, const dims& boxes, const dims& scores);

/// All boxes that are believed, in pixels of what the network got. Those whose numbers are none, or that are empty, are left out.
/// @param width of what the network got, as the next
[[nodiscard]] std::vector<sighting> decode_boxes(const detect_output& how, const raw_boxes& made, float confidence, int width,
                                                 int height);

}  // namespace troupe::gpu
