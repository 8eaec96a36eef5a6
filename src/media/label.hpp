#pragma once

#include <string>
#include <vector>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// White text on a dark, translucent box with round corners, ready to be laid on frames.
class label {
 public:
  struct style {
    int font_size = 32;    ///< pixels; smaller if a line would be wider than `width_max`
    int width_max = 1280;  ///< pixels, with the box
    bool is_bold = false;
    double box_opacity = 0.6;  ///< 0 to 1
  };

  /// Draws the lines, centred. The text is data to the renderer: no character in it has a meaning.
  /// @param lines valid UTF-8 without control characters, not empty.
  static result<label> render(const std::vector<std::string>& lines, const style& look);

  [[nodiscard]] int width() const noexcept { return width_; }
  [[nodiscard]] int height() const noexcept { return height_; }
  /// Lays the label on a writable 8-bit 4:2:0 frame; what lies outside is cut.
  /// @param left, top in pixels, made even. @param opacity 0 to 1, for fades.
  void draw_on(AVFrame& frame, int left, int top, double opacity) const;

 private:
  struct ink;
  static result<ink> render_line(const std::string& line, int font_size, const std::string& font);
  void place(const std::vector<ink>& lines, int font_size, double box_opacity);
  void fill_box(int radius, double opacity);
  void draw_luma(AVFrame& frame, int left, int top, int strength) const;
  void draw_chroma(AVFrame& frame, int left, int top, int strength) const;

  int width_ = 0;  ///< even, as the height
  int height_ = 0;
  std::vector<std::uint8_t> text_;   ///< 0 to 255: how much of a pixel is text
  std::vector<std::uint8_t> cover_;  ///< 0 to 255: how much of the frame the label hides, text or box
};

}  // namespace troupe::media::detail
