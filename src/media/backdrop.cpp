#include "media/backdrop.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "media/picture.hpp"
#include "media/planes.hpp"
#include "media/timed_reader.hpp"

namespace troupe::media {

namespace {

using namespace detail;
using std::chrono::microseconds;

/// A video that is shorter begins again so often that nobody would see what it is: its last frame stays.
constexpr microseconds loop_least = std::chrono::milliseconds{100};

std::size_t values_of(int width, int height) { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }

class colour_backdrop final : public backdrop {
 public:
  explicit colour_backdrop(std::array<float, 3> colour) : colour_(colour) {}
  result<const float*> at(microseconds, int width, int height) override {
    const auto each = values_of(width, height);
    if (planes_.size() != 3 * each) {
      planes_.clear();
      for (const float value : colour_) planes_.insert(planes_.end(), each, value);
    }
    return planes_.data();
  }

 private:
  std::array<float, 3> colour_;
  std::vector<float> planes_;
};

class picture_backdrop final : public backdrop {
 public:
  explicit picture_backdrop(std::filesystem::path file) : file_(std::move(file)) {}
  result<const float*> at(microseconds, int width, int height) override {
    return guarded([&]() -> result<const float*> {
      if (planes_.size() == 3 * values_of(width, height)) return planes_.data();
      TROUPE_TRY(const auto picture, load_picture(file_, role_of(media_kind::picture, "the background")));
      TROUPE_TRY(auto maker, float_maker::open_filling(*picture, {1, 1}, nullptr, width, height));
      std::vector<float> planes(3 * values_of(width, height));
      TROUPE_CHECK(maker.convert(*picture, planes.data()));
      planes_ = std::move(planes);
      return planes_.data();
    });
  }

 private:
  std::filesystem::path file_;
  std::vector<float> planes_;
};

class video_backdrop final : public backdrop {
 public:
  video_backdrop(std::filesystem::path file, int threads) : file_(std::move(file)), threads_(threads) {}

  result<const float*> at(microseconds when, int width, int height) override {
    return guarded([&]() -> result<const float*> {
      planes_.resize(3 * values_of(width, height));
      if (!reader_) TROUPE_CHECK(begin());
      for (;;) {
        if (next_ && began_ + time_of(next_->pts) <= when) {
          current_ = std::move(next_);
          is_shown_ = false;
          TROUPE_TRY(next_, reader_->next());
          continue;
        }
        const auto end = time_of(current_->pts + current_->pkt_duration);
        if (next_ || when < began_ + end || end < loop_least) break;
        began_ += end;
        TROUPE_CHECK(begin());
        is_shown_ = false;
      }
      if (!is_shown_) TROUPE_CHECK(show(width, height));
      return planes_.data();
    });
  }

 private:
  /// From the first frame on.
  result<void> begin() {
    maker_.reset();
    reader_.reset();
    TROUPE_TRY(auto reader, timed_reader::open(file_, role_of(media_kind::video, "the background"), threads_));
    reader_.emplace(std::move(reader));
    TROUPE_TRY(current_, reader_->next());
    if (!current_) return refuse(reader_->role(), "holds no frame that can be decoded");
    TROUPE_TRY(next_, reader_->next());
    return {};
  }

  [[nodiscard]] microseconds time_of(std::int64_t pts) const {
    return microseconds{av_rescale_q(pts, reader_->reader().time_base(), {1, 1'000'000})};
  }

  result<void> show(int width, int height) {
    if (!maker_) {
      TROUPE_TRY(maker_,
                 float_maker::open_filling(*current_, reader_->reader().time_base(), reader_->display_matrix(), width, height));
    }
    TROUPE_CHECK(maker_->convert(*current_, planes_.data()));
    is_shown_ = true;
    return {};
  }

  std::filesystem::path file_;
  int threads_;
  std::optional<timed_reader> reader_;
  std::optional<float_maker> maker_;
  frame_ptr current_, next_;
  microseconds began_{};  ///< when the video began, this time
  bool is_shown_ = false;
  std::vector<float> planes_;
};

}  // namespace

std::unique_ptr<backdrop> make_colour_backdrop(std::array<float, 3> colour) { return std::make_unique<colour_backdrop>(colour); }

std::unique_ptr<backdrop> make_picture_backdrop(std::filesystem::path picture) {
  return std::make_unique<picture_backdrop>(std::move(picture));
}

std::unique_ptr<backdrop> make_video_backdrop(std::filesystem::path video, int threads) {
  return std::make_unique<video_backdrop>(std::move(video), threads);
}

}  // namespace troupe::media
