#include "media/picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "media/graph.hpp"
#include "media/reader.hpp"

namespace troupe::media::detail {

namespace {

/// A picture whose shape differs less from the frame's is cut to fill it: 3:2 photographs fill 16:9.
constexpr double cover_ratio_max = 1.2;
/// The background is made this much smaller before it is blurred, which is the greater part of the blur.
constexpr int background_shrink = 20;
constexpr int background_brightness_percent = 45;
constexpr const char* best_scaling = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp";

struct extent {
  int width;
  int height;
};

bool may_be_transparent(const AVFrame& picture) {
  const auto* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  return format && (format->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL));
}

/// Lays a packed RGBA picture on white.
void flatten(AVFrame& rgba) {
  for (int y = 0; y < rgba.height; ++y) {
    auto* pixel = rgba.data[0] + std::ptrdiff_t{y} * rgba.linesize[0];
    for (int x = 0; x < rgba.width; ++x, pixel += 4) {
      const int alpha = pixel[3];
      for (int channel = 0; channel < 3; ++channel)
        pixel[channel] = static_cast<std::uint8_t>((pixel[channel] * alpha + 255 * (255 - alpha) + 127) / 255);
      pixel[3] = 255;
    }
  }
}

extent within_pixels(const AVFrame& picture, std::int64_t most) {
  const double pixels = static_cast<double>(picture.width) * picture.height;
  const double scale = std::min(1.0, std::sqrt(static_cast<double>(most) / pixels));
  return {std::max(1, static_cast<int>(picture.width * scale)), std::max(1, static_cast<int>(picture.height * scale))};
}

filter_step scale_to(extent size, const char* flags) {
  return {"scale",
          {{"w", std::to_string(size.width)},
           {"h", std::to_string(size.height)},
           {"flags", flags},
           {"out_color_matrix", "bt709"},
           {"out_range", "tv"}}};
}

/// Three boxes of five pixels: nearly a Gaussian of sigma 2.4. The gblur of libavfilter 8 left parts black in one of ten runs.
filter_step soft_blur() { return {"boxblur", {{"luma_radius", "2"}, {"luma_power", "3"}}}; }

filter_step to_format(const char* format) { return {"format", {{"pix_fmts", format}}}; }

filter_step cut_to(extent size) {
  return {"crop", {{"w", std::to_string(size.width)}, {"h", std::to_string(size.height)}, {"exact", "1"}}};
}

/// The largest part of a picture that has the frame's shape.
extent part_of_shape(const AVFrame& picture, double shape) {
  const double own = static_cast<double>(picture.width) / picture.height;
  if (own > shape) return {std::max(1, static_cast<int>(std::lround(picture.height * shape))), picture.height};
  return {picture.width, std::max(1, static_cast<int>(std::lround(picture.width / shape)))};
}

int even(double size, int most) { return std::clamp(static_cast<int>(std::lround(size / 2)) * 2, 2, most); }

/// Colours fade with the light, or they would seem to glow.
void darken(AVFrame& frame, int percent) {
  for (int plane = 0; plane < 3; ++plane) {
    const int zero = plane == 0 ? 16 : 128;
    const int shift = plane == 0 ? 0 : 1;
    for (int y = 0; y < frame.height >> shift; ++y) {
      auto* row = frame.data[plane] + std::ptrdiff_t{y} * frame.linesize[plane];
      for (int x = 0; x < frame.width >> shift; ++x) row[x] = static_cast<std::uint8_t>(zero + (row[x] - zero) * percent / 100);
    }
  }
}

result<frame_ptr> make_background(AVFrame& picture, int width, int height) {
  const extent small{std::max(16, width / background_shrink / 2 * 2), std::max(16, height / background_shrink / 2 * 2)};
  TROUPE_TRY(auto background, filter_once(picture, {cut_to(part_of_shape(picture, static_cast<double>(width) / height)),
                                                    scale_to(small, "area+accurate_rnd"), to_format("yuv444p"), soft_blur(),
                                                    scale_to({width, height}, "bicubic+accurate_rnd"), to_format("yuv420p")}));
  if (av_frame_make_writable(background.get()) < 0) throw std::bad_alloc();
  darken(*background, background_brightness_percent);
  return background;
}

/// Copies a 4:2:0 picture onto a larger one; the offsets are even.
void paste(const AVFrame& from, AVFrame& to, int left, int top) {
  for (int plane = 0; plane < 3; ++plane) {
    const int shift = plane == 0 ? 0 : 1;
    for (int y = 0; y < from.height >> shift; ++y) {
      const auto* source = from.data[plane] + std::ptrdiff_t{y} * from.linesize[plane];
      auto* target = to.data[plane] + std::ptrdiff_t{y + (top >> shift)} * to.linesize[plane] + (left >> shift);
      std::copy_n(source, from.width >> shift, target);
    }
  }
}

}  // namespace

result<frame_ptr> load_picture(const std::filesystem::path& path, const file_role& role, std::int64_t pixels_most) {
  TROUPE_TRY(auto reader, media_reader::open(path, media_kind::picture, role, 1));
  TROUPE_TRY(auto picture, reader.next());
  if (!picture || picture->width <= 0 || picture->height <= 0) return refuse(role, "holds no picture that can be decoded");
  const auto* side = av_frame_get_side_data(picture.get(), AV_FRAME_DATA_DISPLAYMATRIX);
  auto steps = upright_steps(side ? reinterpret_cast<const std::int32_t*>(side->data) : nullptr);
  picture->sample_aspect_ratio = {1, 1};
  const bool is_transparent = may_be_transparent(*picture);
  const auto size = within_pixels(*picture, pixels_most);
  const bool is_large = size.width != picture->width;
  if (is_large) steps.insert(steps.begin(), scale_to(size, "area"));
  if (is_transparent) steps.push_back(to_format("rgba"));
  if (!steps.empty()) {
    TROUPE_TRY(picture, filter_once(*picture, steps));
  }
  if (is_transparent) {
    if (av_frame_make_writable(picture.get()) < 0) throw std::bad_alloc();
    flatten(*picture);
  }
  return picture;
}

result<frame_ptr> fit_picture(AVFrame& picture, int width, int height) {
  const double shape = static_cast<double>(width) / height;
  const double own = static_cast<double>(picture.width) / picture.height;
  if (std::max(shape / own, own / shape) <= cover_ratio_max)
    return filter_once(picture,
                       {cut_to(part_of_shape(picture, shape)), scale_to({width, height}, best_scaling), to_format("yuv420p")});

  TROUPE_TRY(auto background, make_background(picture, width, height));
  const double scale = std::min(static_cast<double>(width) / picture.width, static_cast<double>(height) / picture.height);
  const extent size{even(picture.width * scale, width), even(picture.height * scale, height)};
  TROUPE_TRY(const auto whole, filter_once(picture, {scale_to(size, best_scaling), to_format("yuv420p")}));
  paste(*whole, *background, (width - size.width) / 4 * 2, (height - size.height) / 4 * 2);
  return background;
}

}  // namespace troupe::media::detail
