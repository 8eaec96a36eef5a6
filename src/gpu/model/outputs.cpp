#include "gpu/model/value_reader.hpp"

namespace troupe::gpu::detail {

namespace {

constexpr std::size_t classes_most = 1000, names_most = 2;
constexpr int channel_most = 63;

result<void> read_detect(const source_value& map, const value_reader& read, model_description& made) {
  using layout_kind = detect_output::layout_kind;
  auto& out = made.detect;
  const auto flag = [&](std::string_view key, bool& to, const std::pair<const char*, const char*>& names) {
    return read.perhaps(map, key, to, [&](const source_value& value, std::string_view what) {
      return read.choice<bool>(value, what, {{names.first, false}, {names.second, true}});
    });
  };
  const auto share = [&](const source_value& value, std::string_view what) { return read.share(value, what); };
  TROUPE_CHECK(read.mapping(map, "'output'", {"names", "layout", "boxes", "units", "objectness", "scores", "confidence", "iou"},
                            "{layout: columns}"));
  TROUPE_CHECK(read.perhaps(map, "layout", out.layout, [&](const source_value& value, std::string_view what) {
    return read.choice<layout_kind>(value, what,
                                    {{"columns", layout_kind::columns},
                                     {"rows", layout_kind::rows},
                                     {"apart", layout_kind::apart},
                                     {"decoded", layout_kind::decoded}});
  }));
  out.are_corners = out.layout == layout_kind::apart || out.layout == layout_kind::decoded;
  TROUPE_CHECK(flag("boxes", out.are_corners, {"centre", "corners"}));
  TROUPE_CHECK(flag("units", out.are_shares, {"pixels", "shares"}));
  TROUPE_CHECK(flag("scores", out.are_logits, {"plain", "logits"}));
  TROUPE_CHECK(read.perhaps(map, "objectness", out.has_objectness,
                            [&](const source_value& value, std::string_view what) { return read.truth(value, what); }));
  TROUPE_CHECK(read.perhaps(map, "confidence", out.confidence, share));
  TROUPE_CHECK(read.perhaps(map, "iou", out.overlap, share));
  const auto* objectness = map.find("objectness");
  if (out.has_objectness && out.layout != layout_kind::columns && out.layout != layout_kind::rows)
    return read.fault()(objectness->at, "'objectness' stands only where boxes and scores are in one output",
                        "use the layout 'columns' or 'rows', or leave it out");
  return {};
}

result<void> read_matte(const source_value& map, const value_reader& read, model_description& made) {
  using colours_kind = matte_output::colours_kind;
  auto& out = made.matte;
  TROUPE_CHECK(read.mapping(map, "'output'", {"names", "channel", "values", "alpha", "colours"}, "{channel: 0}"));
  TROUPE_CHECK(read.perhaps(map, "colours", out.colours, [&](const source_value& value, std::string_view what) {
    return read.choice<colours_kind>(
        value, what,
        {{"none", colours_kind::none}, {"straight", colours_kind::straight}, {"premultiplied", colours_kind::premultiplied}});
  }));
  out.channel = out.colours == colours_kind::none ? 0 : 3;
  TROUPE_CHECK(read.perhaps(map, "channel", out.channel, [&](const source_value& value, std::string_view what) {
    return read.whole(value, what, 0, channel_most);
  }));
  TROUPE_CHECK(read.perhaps(map, "values", out.are_logits, [&](const source_value& value, std::string_view what) {
    return read.choice<bool>(value, what, {{"plain", false}, {"logits", true}});
  }));
  TROUPE_CHECK(read.perhaps(map, "alpha", out.is_background, [&](const source_value& value, std::string_view what) {
    return read.choice<bool>(value, what, {{"foreground", false}, {"background", true}});
  }));
  const auto* colours = map.find("colours");
  if (out.colours == colours_kind::none) return {};
  if (made.width != 0)
    return read.fault()(colours->at, "colours of a picture of another size would be blurred",
                        "leave 'colours' out, or 'size' of 'input'");
  if (made.colour == channel_order::y)
    return read.fault()(colours->at, "a network for brightness makes no colours", "leave 'colours' out");
  return {};
}

}  // namespace

result<void> read_outputs(const source_value& root, const value_reader& read, model_description& made) {
  const auto* output = root.find("output");
  static const source_value nothing{.shape = source_value::shape_kind::map, .at = {}, .scalar = {}, .items = {}, .entries = {}};
  const auto& map = output ? output->value : nothing;
  if (made.task == model_task::detect) TROUPE_CHECK(read_detect(map, read, made));
  if (made.task == model_task::matte) TROUPE_CHECK(read_matte(map, read, made));
  if (made.task == model_task::embed) TROUPE_CHECK(read.mapping(map, "'output'", {"names"}, "{names: [vector]}"));
  TROUPE_CHECK(read.perhaps(map, "names", made.output_names, [&](const source_value& value, std::string_view what) {
    return read.texts(value, what, names_most);
  }));
  const std::size_t wanted = made.task == model_task::detect && made.detect.layout == detect_output::layout_kind::apart ? 2 : 1;
  if (!made.output_names.empty() && made.output_names.size() != wanted)
    return read.fault()(map.find("names")->value.at,
                        fmt::format("'names' has {}, this needs {}", made.output_names.size(), wanted),
                        wanted == 2 ? "name the output with the boxes, then the one with the scores" : "name one output");
  if (made.task != model_task::detect) return {};
  const auto* classes = root.find("classes");
  if (!classes)
    return read.fault()(root.at, "a detector needs 'classes'",
                        "name what it sees, in the network's order: 'classes: [person, cat]'");
  TROUPE_TRY(made.detect.classes, read.texts(classes->value, "'classes'", classes_most));
  return {};
}

}  // namespace troupe::gpu::detail
