#include "media/subtitles.hpp"

#include <algorithm>

namespace troupe::media::detail {

namespace {

constexpr auto title_from = 200ms;
constexpr auto title_time = 4500ms;
constexpr auto title_fade = 500ms;
constexpr auto caption_fade = 120ms;
constexpr std::size_t title_lines_max = 3;  // the letters get smaller to keep it
constexpr std::size_t title_lines_cut = 6;  // ... and when they are as small as can be read, the rest is cut off
// Shares of the frame.
constexpr double title_top = 0.08;
constexpr double caption_bottom = 0.06;
constexpr double label_width_max = 0.92;
constexpr double title_font = 0.075;
constexpr double title_font_min = 0.04;
constexpr double caption_font = 0.046;
/// Netflix and BBC guides: two lines of 42 characters at most.
constexpr std::size_t caption_line_max = 42;
/// The mean width of DejaVu Sans letters, of the font size; bold ones are wider.
constexpr double letter_width = 0.58;
constexpr double bold_letter_width = 0.66;
constexpr int font_size_min = 8;

std::size_t letters_in(double width, double letter) { return std::max<std::size_t>(6, static_cast<std::size_t>(width / letter)); }

/// 0 to 1 at a time within [from, until), with a slope at both ends.
double fade(duration at, duration from, duration until, duration slope) {
  if (at < from || at >= until) return 0;
  const double steep =
      std::max(1.0, std::min(static_cast<double>(slope.count()), static_cast<double>((until - from).count()) / 2));
  const auto rise = static_cast<double>((at - from).count()) / steep;
  const auto fall = static_cast<double>((until - at).count()) / steep;
  return std::clamp(std::min(rise, fall), 0.0, 1.0);
}

}  // namespace

result<subtitles> subtitles::make(const options& with) {
  subtitles out(with);
  TROUPE_CHECK(out.make_title());
  out.make_caption_list();
  return out;
}

result<void> subtitles::make_title() {
  double size = title_font * std::min(with_.width, with_.height);
  const double least = title_font_min * std::min(with_.width, with_.height);
  auto title = with_.title;
  if (std::ranges::count(title, '\n') >= static_cast<std::ptrdiff_t>(title_lines_max)) std::ranges::replace(title, '\n', ' ');
  const auto wrapped = [&] { return wrap(title, letters_in(with_.width * 0.84, size * bold_letter_width)); };
  auto lines = wrapped();
  while (lines.size() > title_lines_max && size > least) {
    size *= 0.92;
    lines = wrapped();
  }
  if (lines.empty()) return {};
  if (lines.size() > title_lines_cut) {
    lines.resize(title_lines_cut);
    lines.back() += "…";
  }
  TROUPE_TRY(title_, label::render(lines, {.font_size = std::max(font_size_min, static_cast<int>(size)),
                                           .width_max = static_cast<int>(with_.width * label_width_max),
                                           .is_bold = true,
                                           .box_opacity = 0.5}));
  title_until_ = std::min<duration>(with_.length, title_from + title_time);
  return {};
}

void subtitles::make_caption_list() {
  const double size = std::max<double>(font_size_min, caption_font * std::min(with_.width, with_.height));
  caption_style_ = {.font_size = static_cast<int>(size),
                    .width_max = static_cast<int>(with_.width * label_width_max),
                    .is_bold = false,
                    .box_opacity = 0.6};
  const auto line_max = std::min(caption_line_max, letters_in(with_.width * 0.86, size * letter_width));
  captions_ = make_captions(with_.captions, line_max, with_.length);
}

const caption* subtitles::caption_at(duration at) const {
  const auto after =
      std::upper_bound(captions_.begin(), captions_.end(), at, [](duration t, const caption& c) { return t < c.from; });
  return after == captions_.begin() || at >= std::prev(after)->until ? nullptr : &*std::prev(after);
}

bool subtitles::is_visible(duration at) const { return caption_at(at) || (title_ && at >= title_from && at < title_until_); }

result<void> subtitles::draw_on(AVFrame& frame, duration at) {
  if (title_)
    title_->draw_on(frame, (frame.width - title_->width()) / 2, static_cast<int>(title_top * frame.height),
                    fade(at, std::min<duration>(title_from, title_until_), title_until_, title_fade));
  const auto* now = caption_at(at);
  if (!now) return {};
  if (now != drawn_) {
    TROUPE_TRY(caption_label_, label::render(now->lines, caption_style_));
    drawn_ = now;
  }
  const int top = static_cast<int>((1 - caption_bottom) * frame.height) - caption_label_->height();
  caption_label_->draw_on(frame, (frame.width - caption_label_->width()) / 2, top, fade(at, now->from, now->until, caption_fade));
  return {};
}

}  // namespace troupe::media::detail
