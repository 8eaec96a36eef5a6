#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "base/units.hpp"
#include "media/progress.hpp"

namespace troupe::media {

struct speak_options {
  std::string text;           ///< English; at most 50,000 bytes
  std::string voice = "slt";  ///< one of flite's: slt kal kal16 awb rms
};

struct speak_result {
  duration length{};  ///< of the samples, rounded to the millisecond
  std::uint64_t sample_count = 0;
  std::uint32_t sample_rate = 0;  ///< Hz: 8,000 for kal, else 16,000
  std::uint64_t left_out = 0;     ///< code points of the text that the voice cannot say (other scripts, emoji)
};

/// Speaks an English text into a mono 16-bit WAV file.
/// @returns `bad_request` when the voice is unknown, the text is too long, or nothing in it can be spoken.
[[nodiscard]] result<speak_result> speak(const speak_options& options, const std::filesystem::path& wav_out,
                                         const progress_fn& report);

}  // namespace troupe::media
