#pragma once

#include <filesystem>

#include "media/libav.hpp"

namespace troupe::media::detail {

/// Writes an 8-bit RGB picture. The file is written beside its place and moved there; of a failed one nothing is left.
result<void> write_png(AVFrame& picture, const std::filesystem::path& path);

}  // namespace troupe::media::detail
