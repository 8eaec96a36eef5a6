#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "media/label.hpp"
#include "media/words.hpp"

namespace troupe::media::detail {

/// Title and captions of one video: draws what stands on the screen at a time.
class subtitles {
 public:
  struct options {
    std::string title;     ///< clean UTF-8, may be empty
    std::string captions;  ///< clean UTF-8, may be empty
    duration length{};     ///< of the whole video
    int width = 0;
    int height = 0;
  };
  static result<subtitles> make(const options& with);

  [[nodiscard]] bool is_visible(duration at) const;
  /// Times may only grow. The frame must be writable where `is_visible(at)`.
  result<void> draw_on(AVFrame& frame, duration at);

 private:
  explicit subtitles(const options& with) : with_(with) {}
  result<void> make_title();
  void make_caption_list();
  [[nodiscard]] const caption* caption_at(duration at) const;

  options with_;
  std::optional<label> title_;
  duration title_until_{};
  label::style caption_style_;
  std::vector<caption> captions_;
  const caption* drawn_ = nullptr;  ///< which one `caption_label_` shows
  std::optional<label> caption_label_;
};

}  // namespace troupe::media::detail
