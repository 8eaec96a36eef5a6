#include "gpu/model/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::gpu {

namespace {

using layout_kind = detect_output::layout_kind;

float sigmoid(float value) { return 1 / (1 + std::exp(-value)); }

const char* picture_of(layout_kind layout) {
  switch (layout) {
    case layout_kind::columns: return "[batch, values, boxes]";
    case layout_kind::rows: return "[batch, boxes, values]";
    case layout_kind::apart: return "[batch, boxes, 4], and [batch, boxes, classes]";
    case layout_kind::decoded: return "[batch, boxes, 6]";
  }
  return "";
}

std::int64_t values_of(const detect_output& how) {
  if (how.layout == layout_kind::apart) return 4;
  if (how.layout == layout_kind::decoded) return 6;
  return 4 + (how.has_objectness ? 1 : 0) + static_cast<std::int64_t>(how.classes.size());
}

/// One number of one box.
class numbers {
 public:
  numbers(const detect_output& how, const raw_boxes& made) : how_(how), made_(made) {}
  [[nodiscard]] float box(std::size_t which, std::size_t value) const {
    const bool is_turned = how_.layout == layout_kind::columns;
    return made_.boxes[is_turned ? value * made_.shape.count + which : which * made_.shape.values + value];
  }
  [[nodiscard]] float score(std::size_t which, std::size_t kind) const {
    const float raw = how_.layout == layout_kind::apart ? made_.scores[which * how_.classes.size() + kind]
                                                        : box(which, 4 + (how_.has_objectness ? 1 : 0) + kind);
    return how_.are_logits ? sigmoid(raw) : raw;
  }
  [[nodiscard]] float objectness(std::size_t which) const {
    if (!how_.has_objectness) return 1;
    return how_.are_logits ? sigmoid(box(which, 4)) : box(which, 4);
  }

 private:
  const detect_output& how_;
  const raw_boxes& made_;
};

box box_of(const detect_output& how, const numbers& from, std::size_t which, int width, int height) {
  const float wide = how.are_shares ? static_cast<float>(width) : 1, high = how.are_shares ? static_cast<float>(height) : 1;
  const float a = from.box(which, 0) * wide, b = from.box(which, 1) * high;
  const float c = from.box(which, 2) * wide, d = from.box(which, 3) * high;
  return how.are_corners ? box{a, b, c, d} : box{a - c / 2, b - d / 2, a + c / 2, b + d / 2};
}

}  // namespace

result<boxes_shape> shape_of_boxes(const detect_output& how, const dims& boxes, const dims& scores) {
  const auto values = values_of(how);
  const bool is_turned = how.layout == layout_kind::columns;
  const auto classes = static_cast<std::int64_t>(how.classes.size());
  const bool fits = boxes.size() == 3 && boxes[is_turned ? 1 : 2] == values;
  const bool fits_too =
      how.layout != layout_kind::apart || (scores.size() == 3 && scores[2] == classes && fits && scores[1] == boxes[1]);
  if (!fits || !fits_too)
    return error{errc::bad_request,
                 fmt::format("its outputs are {}{}{}; with the description's layout and {} classes they have to be {}, with {} "
                             "values for each box",
                             to_text(boxes), scores.empty() ? "" : " and ", scores.empty() ? "" : to_text(scores), classes,
                             picture_of(how.layout), values)};
  return boxes_shape{static_cast<std::size_t>(std::max<std::int64_t>(0, boxes[is_turned ? 2 : 1])),
                     static_cast<std::size_t>(values)};
}

std::vector<sighting> decode_boxes(const detect_output& how, const raw_boxes& made, float confidence, int width, int height) {
  const numbers from(how, made);
  std::vector<sighting> seen;
  for (std::size_t i = 0; i < made.shape.count; ++i) {
    sighting best{.where = {}, .score = -1, .kind = 0};
    if (how.layout == layout_kind::decoded) {
      const float kind = from.box(i, 5);
      if (!(kind >= 0 && kind < static_cast<float>(how.classes.size()))) continue;
      best = {.where = {}, .score = from.box(i, 4), .kind = static_cast<std::size_t>(kind)};
    } else {
      const float objectness = from.objectness(i);
      if (!(objectness >= confidence)) continue;
      for (std::size_t kind = 0; kind < how.classes.size(); ++kind) {
        const float score = from.score(i, kind) * objectness;
        if (score > best.score) best = {.where = {}, .score = score, .kind = kind};
      }
    }
    if (!(best.score >= confidence)) continue;
    best.where = box_of(how, from, i, width, height);
    best.score = std::min(best.score, 1.0F);
    const auto& where = best.where;
    if (where.right > where.left && where.bottom > where.top
        && std::isfinite(where.left + where.top + where.right + where.bottom))
      seen.push_back(best);
  }
  return seen;
}

}  // namespace troupe::gpu
