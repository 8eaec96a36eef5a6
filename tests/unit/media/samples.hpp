#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "media/media.hpp"

/// Media files that tests need, made on the spot, and a look into those that the code under test has made.
namespace troupe::media::samples {

/// A folder of its own for a test, gone after it.
class scratch {
 public:
  scratch();
  ~scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return root_ / name; }
  /// Names of the files in it, sorted.
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  std::filesystem::path root_;
};

struct colour {
  std::uint8_t red = 0, green = 0, blue = 0, alpha = 255;
};
constexpr colour red{255, 0, 0};
constexpr colour blue{0, 0, 255};
constexpr colour white{255, 255, 255};
constexpr colour grey{128, 128, 128};
using painter = std::function<colour(int x, int y)>;

/// Left half red, right half blue.
[[nodiscard]] painter halves(int width);
/// Something different everywhere.
[[nodiscard]] painter stripes();

struct picture_kind {
  const char* codec = "png";
  const char* pixels = "rgb24";
  const char* muxer = nullptr;  ///< where a file is more than the encoder's packet
};
void write_picture(const std::filesystem::path& path, int width, int height, const painter& paint, const picture_kind& kind = {});
/// One picture of the file for each painter.
void write_animation(const std::filesystem::path& path, int width, int height, const std::vector<painter>& paint,
                     const picture_kind& kind);

struct clip_kind {
  int width = 160;
  int height = 90;
  int fps = 25;
  int frames = 25;
};
/// A clip of one colour, or of libav's moving test picture.
void write_clip(const std::filesystem::path& path, const clip_kind& kind, const colour& of);
void write_moving_clip(const std::filesystem::path& path, const clip_kind& kind);
/// A sine of 440 Hz, 16-bit mono.
void write_tone(const std::filesystem::path& path, int samples, int rate = 16'000);

void write_bytes(const std::filesystem::path& path, const std::string& content);
[[nodiscard]] std::string read_bytes(const std::filesystem::path& path);
/// Keeps a part of the file, from its beginning.
void cut_file(const std::filesystem::path& path, double part);

/// A decoded frame as RGB.
struct seen_frame {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
  [[nodiscard]] colour at(int x, int y) const;
  /// Mean of red, green and blue over a rectangle.
  [[nodiscard]] double brightness(int left, int top, int right, int bottom) const;
};
[[nodiscard]] std::vector<seen_frame> frames_of(const std::filesystem::path& path);
/// Mean of the absolute differences of all values, 0 to 255.
[[nodiscard]] double difference(const seen_frame& a, const seen_frame& b);
[[nodiscard]] bool is_close(const colour& a, const colour& b, int tolerance = 24);

/// What was heard: root mean square of the samples in [from, until), at 48 kHz.
[[nodiscard]] double loudness(const std::filesystem::path& path, duration from, duration until);
[[nodiscard]] std::int64_t samples_of(const std::filesystem::path& path);

/// Checks reports as they come: never falling, 1000 once and last.
class progress_witness {
 public:
  [[nodiscard]] progress_fn listener();
  [[nodiscard]] bool rose_to_the_end() const { return !fell_ && thousands_ == 1 && last_ == 1000; }
  [[nodiscard]] int reports() const { return reports_; }

 private:
  std::uint32_t last_ = 0;
  std::uint64_t last_frames_ = 0;
  int thousands_ = 0;
  int reports_ = 0;
  bool fell_ = false;
};

}  // namespace troupe::media::samples
