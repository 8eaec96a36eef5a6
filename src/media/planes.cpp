#include "media/planes.hpp"

extern "C" {
#include <libavfilter/buffersink.h>
}

#include <algorithm>
#include <array>
#include <vector>

// Loops over large pictures, for processors with AVX2 and for those without. The loader chooses, before ThreadSanitizer is there
// to watch it.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_THREAD__)
#define TROUPE_WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define TROUPE_WIDE_VECTORS
#endif

namespace troupe::media::detail {

namespace {

constexpr const char* careful = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp";
/// Where a GBR frame has red, green and blue.
constexpr std::array<int, 3> plane_of_colour{2, 0, 1};

/// libswscale's words for where frames have their colours, in 256ths of a pixel: it would take them for centred, the place of
/// JPEG. H.264's place is what is not said.
std::string chroma_place(const AVFrame& of) { return of.chroma_location == AVCHROMA_LOC_CENTER ? "128" : "0"; }

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

/// The three planes of a GBR frame of 8 bits as red, green, blue, without gaps between rows.
void take_planes(const AVFrame& from, float* to) {
  for (const int plane : plane_of_colour) {
    for (int y = 0; y < from.height; ++y, to += from.width) {
      const auto* row = from.data[plane] + std::ptrdiff_t{y} * from.linesize[plane];
      std::transform(row, row + from.width, to, [](std::uint8_t value) { return static_cast<float>(value) / 255.0F; });
    }
  }
}

// Shares of red and blue in brightness (ITU-R BT.709, and BT.601 which SMPTE 170M follows).
struct brightness_shares {
  float red;
  float blue;
};
constexpr brightness_shares bt709{0.2126F, 0.0722F}, smpte170m{0.299F, 0.114F};

/// Written so that what is no number is 0 and compilers see a minimum and a maximum.
inline float cut(float value) {
  const float positive = value > 0 ? value : 0;
  return positive < 1 ? positive : 1;
}

inline std::uint8_t rounded(float value) { return static_cast<std::uint8_t>(static_cast<int>(value + 0.5F)); }

/// What the colours of two rows of a picture are more than grey, each column of both together.
struct row_pair {
  explicit row_pair(int width) : bluer(static_cast<std::size_t>(width)), redder(bluer) {}
  std::vector<float> bluer, redder;
};

/// From colours of a row to its brightness, 16 to 235, and to what they are more than grey.
/// All arrays are `width` long; those that are written lie apart from all others.
TROUPE_WIDE_VECTORS void split_row(const float* __restrict red, const float* __restrict green, const float* __restrict blue,
                                   std::size_t width, brightness_shares shares, std::uint8_t* __restrict luma,
                                   float* __restrict bluer, float* __restrict redder) {
  const float of_green = 1 - shares.red - shares.blue;
  for (std::size_t x = 0; x < width; ++x) {
    const float r = cut(red[x]), g = cut(green[x]), b = cut(blue[x]);
    const float y = shares.red * r + of_green * g + shares.blue * b;
    luma[x] = rounded(16 + 219 * y);
    bluer[x] += b - y;
    redder[x] += r - y;
  }
}

/// Writes the brightness of a row, and adds the rest to its pair.
void take_row(const colour_planes& from, std::ptrdiff_t row, const brightness_shares& shares, std::uint8_t* luma,
              row_pair& pair) {
  const auto begin = row * from.width;
  split_row(from.red + begin, from.green + begin, from.blue + begin, pair.bluer.size(), shares, luma, pair.bluer.data(),
            pair.redder.data());
}

/// Of a pair of rows, one value for two columns: half of the left one's, a quarter of each neighbour's. Colours are 16 to 240.
/// @param largest the difference that becomes 240, of one row
void give_colours(std::vector<float>& differences, float largest, std::uint8_t* to) {
  const float gain = 112 / (largest * 8);
  const auto pairs = static_cast<std::ptrdiff_t>(differences.size() / 2);
  const float* const at = differences.data();
  to[0] = rounded(128 + gain * (3 * at[0] + at[1]));
  for (std::ptrdiff_t i = 1; i < pairs; ++i) to[i] = rounded(128 + gain * (at[2 * i - 1] + 2 * at[2 * i] + at[2 * i + 1]));
  std::fill(differences.begin(), differences.end(), 0.0F);
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
  steps.push_back({"scale", {{"flags", careful}, {"in_h_chr_pos", chroma_place(first)}}});
  steps.push_back({"format", {{"pix_fmts", "gbrp"}}});
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
  steps.push_back({"scale",
                   {{"w", wide},
                    {"h", high},
                    {"force_original_aspect_ratio", "increase"},
                    {"flags", careful},
                    {"in_h_chr_pos", chroma_place(first)}}});
  steps.push_back({"format", {{"pix_fmts", "gbrp"}}});
  steps.push_back({"crop", {{"w", wide}, {"h", high}, {"exact", "1"}}});
  TROUPE_TRY(made.exit_, chain(made.graph_, made.entrance_, steps));
  return made;
}

int float_maker::width() const noexcept { return av_buffersink_get_w(exit_); }
int float_maker::height() const noexcept { return av_buffersink_get_h(exit_); }
AVRational float_maker::pixel_aspect() const noexcept { return av_buffersink_get_sample_aspect_ratio(exit_); }

result<void> float_maker::convert(AVFrame& frame, float* planes) {
  TROUPE_CHECK(filter_graph::push(entrance_, &frame));
  TROUPE_TRY(const auto made, graph_.pull(exit_));
  if (!made) return error{errc::internal, "a frame did not come out of its filters"};
  take_planes(*made, planes);
  return {};
}

colour_planes colours_at(const float* values, int width, int height) {
  const auto each = std::ptrdiff_t{width} * height;
  return {values, values + each, values + 2 * each, width, height};
}

colour_planes grey_at(const float* values, int width, int height) { return {values, values, values, width, height}; }

void write_video_frame(const colour_planes& from, AVColorSpace matrix, AVFrame& to) {
  const auto& shares = matrix == AVCOL_SPC_BT709 ? bt709 : smpte170m;
  row_pair pair(from.width);
  const auto row_of = [&](int plane, std::ptrdiff_t row) { return to.data[plane] + row * to.linesize[plane]; };
  for (std::ptrdiff_t row = 0; row < from.height / 2; ++row) {
    take_row(from, 2 * row, shares, row_of(0, 2 * row), pair);
    take_row(from, 2 * row + 1, shares, row_of(0, 2 * row + 1), pair);
    give_colours(pair.bluer, 1 - shares.blue, row_of(1, row));
    give_colours(pair.redder, 1 - shares.red, row_of(2, row));
  }
}

frame_ptr to_rgb_frame(const colour_planes& from) {
  auto made = make_picture(from.width, from.height, AV_PIX_FMT_RGB24);
  std::ptrdiff_t at = 0;
  for (int y = 0; y < from.height; ++y) {
    auto* pixel = made->data[0] + std::ptrdiff_t{y} * made->linesize[0];
    for (int x = 0; x < from.width; ++x, ++at, pixel += 3) {
      pixel[0] = rounded(255 * cut(from.red[at]));
      pixel[1] = rounded(255 * cut(from.green[at]));
      pixel[2] = rounded(255 * cut(from.blue[at]));
    }
  }
  return made;
}

}  // namespace troupe::media::detail
