#pragma once

#include "base/error.hpp"
#include "gpu/model/boxes.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

// The file that `model.detect` writes and `model.matte` reads: docs/models.md has its form.
namespace troupe::worker {

/// Something that was seen in a frame, with the number that it keeps from frame to frame.
struct detection {
  gpu::sighting seen;
  std::uint32_t id = 0;
};

/// "id", "class", "score", and "x", "y", "width" and "height" in pixels.
[[nodiscard]] boost::json::object to_json(const detection& one, std::span<const std::string> classes);

/// Writes frame by frame: a long video's boxes are in memory at no time.
class detections_writer {
 public:
  static result<detections_writer> open(const std::filesystem::path& file, std::string_view model,
                                        std::span<const std::string> classes);
  void write(std::chrono::microseconds at, std::span<const detection> found);
  /// @returns `io_failed` when something could not be written
  result<void> finish(int width, int height);

 private:
  detections_writer(std::ofstream out, std::vector<std::string> classes) : out_(std::move(out)), classes_(std::move(classes)) {}

  std::ofstream out_;
  std::vector<std::string> classes_;
  std::uint64_t frames_ = 0;
};

/// The boxes of each frame, in their order.
struct read_detections {
  int width = 0;  ///< of the frames, as the next
  int height = 0;
  std::vector<std::vector<gpu::box>> frames;
};
/// @returns `bad_request` when the file is none of `model.detect`, or longer than 64 MiB
[[nodiscard]] result<read_detections> load_detections(const std::filesystem::path& file);

}  // namespace troupe::worker
