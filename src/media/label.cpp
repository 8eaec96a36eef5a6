#include "media/label.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "media/graph.hpp"
#include "media/words.hpp"

namespace troupe::media::detail {

namespace {

constexpr std::array<const char*, 4> font_folders{"/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/dejavu-sans-fonts",
                                                  "/usr/share/fonts/TTF", "/usr/share/fonts/dejavu"};
constexpr double line_height = 1.28;  // of the font size, as the two below
constexpr double box_margin_x = 0.55;
constexpr double box_margin_y = 0.34;
constexpr double baseline = 1.2;  // within the picture of one line
constexpr double line_picture_height = 1.7;
constexpr int white_luma = 235;
constexpr int black_luma = 16;
constexpr int grey_chroma = 128;

result<std::string> find_font(bool is_bold) {
  const char* const name = is_bold ? "DejaVuSans-Bold.ttf" : "DejaVuSans.ttf";
  for (const auto* folder : font_folders) {
    const auto path = std::filesystem::path(folder) / name;
    std::error_code ignored;  // a folder that cannot be read has no font for us
    if (std::filesystem::exists(path, ignored)) return path.string();
  }
  return error{errc::io_failed, fmt::format("the font {} is missing; install the package fonts-dejavu-core", name)};
}

int round_up_even(double value) { return (static_cast<int>(std::ceil(value)) + 1) / 2 * 2; }

std::uint8_t to_byte(double share) { return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0, 1.0) * 255)); }

}  // namespace

/// One line, cut to its inked columns; the baseline is at the same height in all lines of a font size.
struct label::ink {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
};

result<label::ink> label::render_line(const std::string& line, int font_size, const std::string& font) {
  // No glyph of the font is wider than 1.4 of its size.
  const int width = round_up_even((static_cast<double>(length_of(line)) * 1.4 + 2) * font_size);
  const int height = round_up_even(line_picture_height * font_size);
  filter_graph graph;
  TROUPE_TRY(auto* const source, graph.add("color", {{"color", "black"}, {"size", fmt::format("{}x{}", width, height)}}));
  TROUPE_TRY(auto* const rgb, graph.add("format", {{"pix_fmts", "rgb24"}}, source));
  TROUPE_TRY(auto* const text, graph.add("drawtext",
                                         {{"fontfile", font},
                                          {"text", line},
                                          {"expansion", "none"},
                                          {"fontcolor", "white"},
                                          {"fontsize", std::to_string(font_size)},
                                          {"x", std::to_string(font_size)},
                                          {"y", fmt::format("{}-ascent", std::lround(baseline * font_size))}},
                                         rgb));
  TROUPE_TRY(auto* const exit, graph.add("buffersink", {}, text));
  TROUPE_CHECK(graph.configure());
  TROUPE_TRY(const auto frame, graph.pull(exit));
  if (!frame) return error{errc::internal, "a line of text was not drawn"};

  const auto at = [&](int x, int y) { return frame->data[0][std::ptrdiff_t{y} * frame->linesize[0] + 3 * x]; };
  int first = width;
  int last = -1;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (at(x, y) > 8) first = std::min(first, x), last = std::max(last, x);
  ink out{.width = std::max(0, last - first + 1), .height = height, .pixels = {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < out.width; ++x) out.pixels.push_back(at(first + x, y));
  return out;
}

result<label> label::render(const std::vector<std::string>& lines, const style& look) {
  TROUPE_TRY(const auto font, find_font(look.is_bold));
  int size = look.font_size;
  // The width of text is known once it is drawn; a second round at the size that fits is enough, a third covers rounding.
  for (int round = 0;; ++round) {
    std::vector<ink> drawn;
    int widest = 0;
    for (const auto& line : lines) {
      TROUPE_TRY(auto each, render_line(line, size, font));
      widest = std::max(widest, each.width);
      drawn.push_back(std::move(each));
    }
    const double wanted = widest + 2 * box_margin_x * size;
    constexpr int font_size_min = 6;
    if (wanted <= look.width_max || round == 3 || size <= font_size_min) {
      label out;
      out.place(drawn, size, look.box_opacity);
      return out;
    }
    size = std::max(font_size_min, static_cast<int>(size * look.width_max / wanted));
  }
}

void label::place(const std::vector<ink>& lines, int font_size, double box_opacity) {
  int widest = 0;
  for (const auto& line : lines) widest = std::max(widest, line.width);
  const double margin_y = box_margin_y * font_size;
  width_ = round_up_even(widest + 2 * box_margin_x * font_size);
  height_ = round_up_even(static_cast<double>(lines.size()) * line_height * font_size + 2 * margin_y);
  text_.assign(static_cast<std::size_t>(width_) * height_, 0);
  cover_ = text_;
  fill_box(font_size / 3, box_opacity);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& line = lines[i];
    const int left = (width_ - line.width) / 2;
    // Capitals are about 0.73 of the size: the baseline is put so that they stand in the middle of their line.
    const double middle = margin_y + (static_cast<double>(i) + 0.5) * line_height * font_size;
    const int top = static_cast<int>(std::lround(middle + 0.34 * font_size - std::lround(baseline * font_size)));
    for (int y = std::max(0, -top); y < line.height && y + top < height_; ++y) {
      for (int x = 0; x < line.width; ++x) {
        const auto ink_here = line.pixels[static_cast<std::size_t>(y) * line.width + x];
        const auto here = static_cast<std::size_t>(y + top) * width_ + left + x;
        text_[here] = std::max(text_[here], ink_here);
        cover_[here] = static_cast<std::uint8_t>(text_[here] + cover_[here] * (255 - text_[here]) / 255);
      }
    }
  }
}

void label::fill_box(int radius, double opacity) {
  for (int y = 0; y < height_; ++y) {
    for (int x = 0; x < width_; ++x) {
      const double dx = std::max({radius - 0.5 - x, x - (width_ - radius - 0.5), 0.0});
      const double dy = std::max({radius - 0.5 - y, y - (height_ - radius - 0.5), 0.0});
      const double outside = std::hypot(dx, dy) - (radius - 0.5);
      cover_[static_cast<std::size_t>(y) * width_ + x] = to_byte(opacity * std::clamp(1 - outside, 0.0, 1.0));
    }
  }
}

void label::draw_on(AVFrame& frame, int left, int top, double opacity) const {
  const int strength = static_cast<int>(std::lround(std::clamp(opacity, 0.0, 1.0) * 256));
  if (strength == 0) return;
  draw_luma(frame, left & ~1, top & ~1, strength);
  draw_chroma(frame, left & ~1, top & ~1, strength);
}

void label::draw_luma(AVFrame& frame, int left, int top, int strength) const {
  for (int y = std::max(0, -top); y < height_ && y + top < frame.height; ++y) {
    auto* row = frame.data[0] + std::ptrdiff_t{y + top} * frame.linesize[0];
    for (int x = std::max(0, -left); x < width_ && x + left < frame.width; ++x) {
      const auto here = static_cast<std::size_t>(y) * width_ + x;
      const int cover = cover_[here] * strength / 256;
      const int text = text_[here] * strength / 256;
      auto& pixel = row[x + left];
      pixel = static_cast<std::uint8_t>((pixel * (255 - cover) + white_luma * text + black_luma * std::max(0, cover - text) + 127)
                                        / 255);
    }
  }
}

void label::draw_chroma(AVFrame& frame, int left, int top, int strength) const {
  const auto at = [&](int x, int y) { return cover_[static_cast<std::size_t>(y) * width_ + x]; };
  for (int plane = 1; plane < 3; ++plane) {
    for (int y = std::max(0, -top); y < height_ && (y + top) / 2 < frame.height / 2; y += 2) {
      auto* row = frame.data[plane] + std::ptrdiff_t{(y + top) / 2} * frame.linesize[plane];
      for (int x = std::max(0, -left); x < width_ && (x + left) / 2 < frame.width / 2; x += 2) {
        const int cover = (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4 * strength / 256;
        auto& pixel = row[(x + left) / 2];
        pixel = static_cast<std::uint8_t>((pixel * (255 - cover) + grey_chroma * cover + 127) / 255);
      }
    }
  }
}

}  // namespace troupe::media::detail
