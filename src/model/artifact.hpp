#pragma once

#include "base/digest.hpp"
#include "base/units.hpp"

#include <string>

namespace troupe::model {

/// An immutable file, named by the SHA-256 of its bytes.
struct artifact_ref {
  digest hash;
  bytes size;
  std::string media_type;  ///< "video/mp4"; "application/octet-stream" if unknown
  friend bool operator==(const artifact_ref&, const artifact_ref&) = default;
};

}  // namespace troupe::model
