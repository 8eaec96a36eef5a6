#pragma once

#include "gpu/graph.hpp"

namespace troupe::gpu::shipped {

/// Green screens: [batch, 3, height, width] to four channels, the foreground's colours multiplied with alpha, and alpha.
[[nodiscard]] graph matte_key();
/// Circles, squares and triangles on a plain ground: [batch, 3, 256, 256] to [batch, 4 + 3, boxes].
[[nodiscard]] graph shapes();
/// Colours and directions of edges by place: [batch, 3, 96, 96] to [batch, numbers].
[[nodiscard]] graph embed_look();

}  // namespace troupe::gpu::shipped
