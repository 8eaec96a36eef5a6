#pragma once

#include <cstdint>
#include <functional>

namespace troupe::media {

/// How far a media function is. `permille` never falls and is 1000 exactly once, when the output file is complete.
struct progress_report {
  std::uint32_t permille = 0;
  std::uint64_t frames_done = 0;   ///< what is counted is the function's own: video frames, or pieces of text in `speak`
  std::uint64_t frames_total = 0;  ///< an estimate in `concat` and `transform_video`, exact elsewhere
};

/// Called from the thread that runs the function, at least every 100 frames and about every 0.5 s of work. May be empty.
using progress_fn = std::function<void(const progress_report&)>;

}  // namespace troupe::media
