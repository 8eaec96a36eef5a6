#include "model/stage_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>

namespace troupe::model {

namespace {

constexpr std::array<std::pair<stage_kind, const char*>, 10> kind_names{{{stage_kind::media_speak, "media.speak"},
                                                                         {stage_kind::media_still, "media.still"},
                                                                         {stage_kind::media_compose, "media.compose"},
                                                                         {stage_kind::media_concat, "media.concat"},
                                                                         {stage_kind::model_upscale, "model.upscale"},
                                                                         {stage_kind::model_filter, "model.filter"},
                                                                         {stage_kind::model_detect, "model.detect"},
                                                                         {stage_kind::model_matte, "model.matte"},
                                                                         {stage_kind::model_embed, "model.embed"},
                                                                         {stage_kind::exec, "exec"}}};

value_spec required(const char* name, value_type type, const char* description) {
  return {.name = name,
          .type = type,
          .list = false,
          .required = true,
          .fallback = {},
          .least = {},
          .most = {},
          .choices = {},
          .description = description};
}

value_spec optional(const char* name, value_type type, const char* description) {
  auto spec = required(name, type, description);
  spec.required = false;
  return spec;
}

value_spec with_default(const char* name, value_type type, json::value fallback, const char* description) {
  auto spec = optional(name, type, description);
  spec.fallback = std::move(fallback);
  return spec;
}

value_spec within(value_spec spec, double least, double most) {
  spec.least = least;
  spec.most = most;
  return spec;
}

value_spec one_of(value_spec spec, std::vector<std::string> choices) {
  spec.choices = std::move(choices);
  return spec;
}

value_spec list_of(value_spec spec) {
  spec.list = true;
  return spec;
}

std::vector<value_spec> video_outputs(const char* name) {
  return {required(name, value_type::video, "MP4, H.264"), required("duration_ms", value_type::integer, "its length"),
          required("frames", value_type::integer, "how many pictures it has")};
}

stage_kind_spec speak() {
  return {stage_kind::media_speak,
          "Speaks a text.",
          {within(required("text", value_type::text, "what is said"), 1, 5000),
           // The voices that FFmpeg's flite source has built in.
           one_of(with_default("voice", value_type::text, "slt", "who says it"), {"slt", "kal", "kal16", "awb", "rms"})},
          {required("audio", value_type::audio, "the speech"), required("duration_ms", value_type::integer, "its length")}};
}

stage_kind_spec still() {
  return {stage_kind::media_still,
          "Makes a clip from one picture, with a slow zoom.",
          {required("image", value_type::image, "the picture; it fills the frame, what does not fit is cut off"),
           within(optional("duration_ms", value_type::integer, "length of the clip, if no audio decides it"), 100, 600'000),
           optional("audio", value_type::audio, "the clip gets the length of this audio; it is not mixed in"),
           within(with_default("width", value_type::integer, 1280, "in pixels, even"), 16, 3840),
           within(with_default("height", value_type::integer, 720, "in pixels, even"), 16, 3840),
           within(with_default("fps", value_type::integer, 30, "pictures per second"), 1, 60),
           within(with_default("zoom", value_type::number, 1.15, "magnification at the end; 1 stands still"), 1, 2)},
          video_outputs("clip")};
}

stage_kind_spec compose() {
  return {stage_kind::media_compose,
          "Puts a clip, its sound, a title and captions together.",
          {required("clip", value_type::video, "the picture track"), required("audio", value_type::audio, "the sound track"),
           within(with_default("title", value_type::text, "", "shown at the start"), 0, 200),
           within(with_default("captions", value_type::text, "", "shown in pieces over the whole length"), 0, 5000)},
          video_outputs("video")};
}

stage_kind_spec concat() {
  return {stage_kind::media_concat,
          "Joins clips into one video, with transitions.",
          {within(list_of(required("clips", value_type::video, "in their order")), 1, 200),
           within(with_default("transition_ms", value_type::integer, 500, "overlap of two clips; 0 is a hard cut"), 0, 5000),
           // Names of FFmpeg's xfade filter.
           one_of(with_default("effect", value_type::text, "fade", "how one clip becomes the next"),
                  {"fade", "dissolve", "fadeblack", "wipeleft", "wiperight", "slideleft", "slideright", "circleopen"}),
           optional("audio", value_type::audio, "the sound track; silent without it")},
          video_outputs("video")};
}

/// What all stages take that run a model. @param taken what becomes of the video
std::vector<value_spec> model_params(const char* taken, const char* usual_model) {
  return {optional("video", value_type::video, taken), optional("image", value_type::image, "the same for one picture"),
          within(with_default("model", value_type::text, usual_model, "its name in the node's models"), 1, 63)};
}

void add(std::vector<value_spec>& to, std::vector<value_spec> more) { std::ranges::move(more, std::back_inserter(to)); }

/// What is said of a video or picture that came out, or was looked at.
std::vector<value_spec> picture_facts() {
  return {required("duration_ms", value_type::integer, "its length; 0 of a picture"),
          required("frames", value_type::integer, "how many pictures it has"),
          required("width", value_type::integer, "in pixels"), required("height", value_type::integer, "in pixels")};
}

/// A stage that sends a video or a picture through a model.
stage_kind_spec model_stage(stage_kind kind, const char* description, const char* usual_model) {
  stage_kind_spec spec{kind,
                       description,
                       model_params("what is changed, frame by frame; its sound is kept", usual_model),
                       {optional("video", value_type::video, "MP4, H.264; null of a picture"),
                        optional("image", value_type::image, "PNG; null of a video")}};
  add(spec.outputs, picture_facts());
  return spec;
}

stage_kind_spec upscale() {
  return model_stage(stage_kind::model_upscale, "Makes a video or a picture larger with a neural network.", "upscale-x2");
}

stage_kind_spec filter() {
  auto spec = model_stage(stage_kind::model_filter, "Sends a video or a picture through a neural network that keeps its size.",
                          "denoise");
  spec.params.push_back(
      within(with_default("strength", value_type::number, 1.0, "0 is the original, 1 what the network makes of it"), 0, 1));
  return spec;
}

stage_kind_spec detect() {
  stage_kind_spec spec{stage_kind::model_detect,
                       "Says what is seen in a video or a picture, and where, with a neural network.",
                       model_params("what is looked at, frame by frame", "shapes"),
                       {required("detections", value_type::file, "JSON: the boxes of each frame"),
                        required("objects", value_type::integer, "how many different things were seen"),
                        optional("subject", value_type::object, "the one that was selected, else the one with the best score"),
                        optional("video", value_type::video, "with the boxes drawn, if that was asked for; MP4, H.264"),
                        optional("image", value_type::image, "the same of a picture; PNG")}};
  add(spec.params,
      {within(optional("conf_threshold", value_type::number, "what has a lower score is left out; the model says one"), 0, 1),
       within(optional("iou_threshold", value_type::number, "boxes of one class that share more are one; the model says one"), 0,
              1),
       within(list_of(optional("classes", value_type::text, "only these; all without it")), 1, 100),
       within(optional("selected_person_id", value_type::integer, "only this one, by its id"), 0, 1'000'000),
       with_default("draw", value_type::boolean, false, "whether the video or picture comes out, too, with the boxes drawn")});
  add(spec.outputs, picture_facts());
  return spec;
}

stage_kind_spec matte() {
  auto spec = model_stage(stage_kind::model_matte, "Puts another background behind what a neural network takes for foreground.",
                          "matte-key");
  add(spec.params,
      {within(with_default("background_colour", value_type::text, "#000000", "as #rrggbb; used without the next two"), 7, 7),
       optional("background_image", value_type::image, "fills the frame; what does not fit is cut off"),
       optional("background_video", value_type::video, "the same; begins again when it is shorter, and is not heard"),
       optional("boxes", value_type::file, "what model.detect found in the same video or picture: what is outside is background"),
       with_default("apply_smoothing", value_type::boolean, true, "whether a video's matte is steadied over its frames"),
       with_default("alpha", value_type::boolean, false, "whether the matte comes out, too")});
  add(spec.outputs, {optional("alpha_video", value_type::video, "the matte: white is foreground; if it was asked for"),
                     optional("alpha_image", value_type::image, "the same of a picture")});
  return spec;
}

stage_kind_spec embed() {
  stage_kind_spec spec{
      stage_kind::model_embed,
      "Makes vectors of a video or a picture with a neural network: what is alike has vectors alike.",
      model_params("frames of it are taken", "embed-look"),
      {required("embedding", value_type::file, "JSON: a vector of length 1 for each picture"),
       required("vectors", value_type::integer, "how many"), required("dimensions", value_type::integer, "of each")}};
  add(spec.params,
      {within(with_default("every_ms", value_type::integer, 1000, "one frame of each such time; 0: all"), 0, 3'600'000)});
  add(spec.outputs, picture_facts());
  return spec;
}

}  // namespace

const char* to_string(stage_kind kind) noexcept {
  for (const auto& [known, name] : kind_names) {
    if (known == kind) return name;
  }
  return "unknown";
}

std::optional<stage_kind> stage_kind_from(std::string_view text) noexcept {
  for (const auto& [kind, name] : kind_names) {
    if (text == name) return kind;
  }
  return std::nullopt;
}

const stage_kind_spec& spec_of(stage_kind kind) {
  static const stage_kind_spec speak_spec = speak();
  static const stage_kind_spec still_spec = still();
  static const stage_kind_spec compose_spec = compose();
  static const stage_kind_spec concat_spec = concat();
  static const stage_kind_spec upscale_spec = upscale();
  static const stage_kind_spec filter_spec = filter();
  static const stage_kind_spec detect_spec = detect();
  static const stage_kind_spec matte_spec = matte();
  static const stage_kind_spec embed_spec = embed();
  static const stage_kind_spec exec_spec{stage_kind::exec, "Runs a program that the operator installed.", {}, {}};
  switch (kind) {
    case stage_kind::media_speak: return speak_spec;
    case stage_kind::media_still: return still_spec;
    case stage_kind::media_compose: return compose_spec;
    case stage_kind::media_concat: return concat_spec;
    case stage_kind::model_upscale: return upscale_spec;
    case stage_kind::model_filter: return filter_spec;
    case stage_kind::model_detect: return detect_spec;
    case stage_kind::model_matte: return matte_spec;
    case stage_kind::model_embed: return embed_spec;
    case stage_kind::exec: return exec_spec;
  }
  return exec_spec;
}

const std::vector<value_spec>& outputs_of(const stage& s) { return s.exec ? s.exec->outputs : spec_of(s.kind).outputs; }

namespace detail {

std::vector<std::string_view> stage_kind_names() {
  std::vector<std::string_view> names;
  for (const auto& [kind, name] : kind_names) names.emplace_back(name);
  return names;
}

namespace {

std::optional<rule_fault> broken_rule_of_still(const json::object& values, const auto& is_given) {
  if (!is_given("duration_ms") && !is_given("audio")) {
    return rule_fault{"", "media.still needs 'duration_ms' or 'audio'", "one of them says how long the clip is"};
  }
  for (const char* side : {"width", "height"}) {
    const auto* value = values.if_contains(side);
    if (value && value->is_int64() && value->get_int64() % 2 != 0) {
      return rule_fault{side, fmt::format("parameter '{}' must be even, not {}", side, value->get_int64()),
                        fmt::format("H.264 stores colour per 2x2 pixels; take {}", value->get_int64() - 1)};
    }
  }
  return std::nullopt;
}

std::optional<rule_fault> broken_rule_of_matte(const json::object& values, const auto& has) {
  if (has("background_image") && has("background_video"))
    return rule_fault{"background_video", "model.matte takes one background, 'background_image' or 'background_video'",
                      "leave one of the two out"};
  const auto* colour = values.if_contains("background_colour");
  const auto is_digit = [](char letter) { return std::isxdigit(static_cast<unsigned char>(letter)) != 0; };
  if (!colour || !colour->is_string()) return std::nullopt;
  const std::string_view text = colour->get_string();
  if (text.size() != 7 || text[0] != '#' || !std::ranges::all_of(text.substr(1), is_digit))
    return rule_fault{"background_colour", fmt::format("parameter 'background_colour' is no colour: '{}'", text),
                      "write it as #rrggbb, for example #00ff00"};
  return std::nullopt;
}

}  // namespace

std::optional<rule_fault> broken_rule(stage_kind kind, const json::object& values, const std::vector<std::string_view>& given) {
  const auto is_given = [&](std::string_view name) { return std::ranges::find(given, name) != given.end(); };
  if (kind == stage_kind::media_still) return broken_rule_of_still(values, is_given);
  if (!std::string_view{to_string(kind)}.starts_with("model.")) return std::nullopt;
  const auto has = [&](std::string_view name) { return values.contains(name) && !values.at(name).is_null(); };
  if ((!is_given("video") && !is_given("image")) || (has("video") && has("image")))
    return rule_fault{"", fmt::format("{} takes either 'video' or 'image'", to_string(kind)), "give it one of the two"};
  if (kind == stage_kind::model_matte) return broken_rule_of_matte(values, has);
  return std::nullopt;
}

}  // namespace detail

}  // namespace troupe::model
