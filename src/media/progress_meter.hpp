#pragma once

#include <chrono>
#include <optional>

#include "media/progress.hpp"

namespace troupe::media::detail {

/// Turns counts of finished frames into reports that never fall and do not come too often.
class progress_meter {
 public:
  progress_meter(progress_fn report, std::uint64_t total);
  /// So many frames are done; a smaller number than before counts as no news.
  void at(std::uint64_t done);
  /// Work goes on though no frame was finished.
  void alive() { at(done_); }
  /// Everything is written: reports 1000.
  void finish();

 private:
  void send(std::uint32_t permille);

  progress_fn report_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  std::uint64_t last_done_ = 0;
  std::optional<std::chrono::steady_clock::time_point> last_at_;
};

}  // namespace troupe::media::detail
