#pragma once

#include <string>
#include <vector>

#include "gpu/graph.hpp"

/// Networks of well-known shapes with random weights, as PyTorch would export them: for measuring speed, not for use.
namespace troupe::bench {

struct named_network {
  std::string name;
  gpu::graph network;
};

/// ResNet-50, MobileNet v2, U-Net (64 channels at the top), a YOLO v5 s body with its neck, ESPCN x2.
[[nodiscard]] std::vector<named_network> networks();

}  // namespace troupe::bench
