#pragma once

#include <deque>
#include <string>
#include <vector>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// Names of libavfilter's xfade transitions, without the one that takes an expression.
[[nodiscard]] std::vector<std::string> crossfade_effects();

/// Blends the last frames of one clip into the first frames of the next.
/// @param from, to equally many frames of one shape, at least one.
/// @returns as many frames; the first is still all `from`, the one after the last would be all `to`.
result<std::vector<frame_ptr>> crossfade(const std::deque<frame_ptr>& from, const std::vector<frame_ptr>& to,
                                         const std::string& effect, AVRational frame_rate, int threads);

}  // namespace troupe::media::detail
