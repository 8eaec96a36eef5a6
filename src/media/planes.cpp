#include "media/planes.hpp"

#include <algorithm>
#include <array>

namespace troupe::media::detail {

namespace {

constexpr const char* careful = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp";
/// Where a GBR frame has red, green and blue.
constexpr std::array<int, 3> plane_of_colour{2, 0, 1};

/// Links a chain of filters behind an entrance for frames like `example`.
result<AVFilterContext*> chain(filter_graph& graph, AVFilterContext* entrance, const std::vector<filter_step>& steps) {
  auto* last = entrance;
  for (const auto& step : steps) {
    TROUPE_TRY(last, graph.add(step.filter, step.with, last));
  }
  TROUPE_TRY(auto* const exit, graph.add("buffersink", {}, last));
  TROUPE_CHECK(graph.configure());
  return exit;
}

result<frame_ptr> through(filter_graph& graph, AVFilterContext* entrance, AVFilterContext* exit, AVFrame& frame) {
  TROUPE_CHECK(filter_graph::push(entrance, &frame));
  TROUPE_TRY(auto made, graph.pull(exit));
  if (!made) return error{errc::internal, "a frame did not come out of its filters"};
  return made;
}

}  // namespace

result<float_maker> float_maker::open(const AVFrame& first, AVRational time_base, const std::int32_t* matrix, bool is_even) {
  float_maker made;
  TROUPE_TRY(made.entrance_, made.graph_.add_entrance(first, time_base));
  std::vector<filter_step> steps;
  if (is_even)
    steps.push_back({"crop",
                     {{"w", std::to_string(first.width / 2 * 2)},
                      {"h", std::to_string(first.height / 2 * 2)},
                      {"x", "0"},
                      {"y", "0"},
                      {"exact", "1"}}});
  steps.push_back({"scale", {{"flags", careful}}});
  steps.push_back({"format", {{"pix_fmts", "gbrpf32le"}}});
  for (auto& step : upright_steps(matrix)) steps.push_back(std::move(step));
  TROUPE_TRY(made.exit_, chain(made.graph_, made.entrance_, steps));
  return made;
}

result<float_maker> float_maker::open_filling(const AVFrame& first, AVRational time_base, const std::int32_t* matrix, int width,
                                              int height) {
  float_maker made;
  TROUPE_TRY(made.entrance_, made.graph_.add_entrance(first, time_base));
  const auto wide = std::to_string(width), high = std::to_string(height);
  auto steps = upright_steps(matrix);
  steps.push_back({"scale", {{"w", wide}, {"h", high}, {"force_original_aspect_ratio", "increase"}, {"flags", careful}}});
  steps.push_back({"format", {{"pix_fmts", "gbrpf32le"}}});
  steps.push_back({"crop", {{"w", wide}, {"h", high}, {"exact", "1"}}});
  TROUPE_TRY(made.exit_, chain(made.graph_, made.entrance_, steps));
  return made;
}

result<frame_ptr> float_maker::convert(AVFrame& frame) { return through(graph_, entrance_, exit_, frame); }

result<float_taker> float_taker::open(const AVFrame& first, const filter_step& scale, const char* format) {
  float_taker made;
  TROUPE_TRY(made.entrance_, made.graph_.add_entrance(first, {1, 1}));
  TROUPE_TRY(made.exit_, chain(made.graph_, made.entrance_, {scale, {"format", {{"pix_fmts", format}}}}));
  return made;
}

result<float_taker> float_taker::to_video(const AVFrame& first, AVColorSpace matrix) {
  const char* const name = matrix == AVCOL_SPC_BT709 ? "bt709" : "smpte170m";
  return open(first, {"scale", {{"flags", careful}, {"out_color_matrix", name}, {"out_range", "tv"}}}, "yuv420p");
}

result<float_taker> float_taker::to_picture(const AVFrame& first) {
  return open(first, {"scale", {{"flags", careful}}}, "rgb24");
}

result<frame_ptr> float_taker::convert(AVFrame& frame) { return through(graph_, entrance_, exit_, frame); }

void copy_planes(const AVFrame& from, float* to) {
  for (const int plane : plane_of_colour) {
    for (int y = 0; y < from.height; ++y, to += from.width) {
      const auto* row = reinterpret_cast<const float*>(from.data[plane] + std::ptrdiff_t{y} * from.linesize[plane]);
      std::copy_n(row, from.width, to);
    }
  }
}

namespace {

void copy_plane(const float* from, AVFrame& to, int plane) {
  for (int y = 0; y < to.height; ++y, from += to.width) {
    auto* row = reinterpret_cast<float*>(to.data[plane] + std::ptrdiff_t{y} * to.linesize[plane]);
    // What is no number would stay one.
    std::transform(from, from + to.width, row, [](float value) { return value >= 0 ? std::min(value, 1.0F) : 0.0F; });
  }
}

}  // namespace

void copy_planes(const float* from, AVFrame& to) {
  for (const int plane : plane_of_colour) {
    copy_plane(from, to, plane);
    from += std::ptrdiff_t{to.width} * to.height;
  }
}

void copy_grey(const float* from, AVFrame& to) {
  for (const int plane : plane_of_colour) copy_plane(from, to, plane);
}

}  // namespace troupe::media::detail
