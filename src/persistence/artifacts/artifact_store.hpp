#pragma once

#include "base/units.hpp"
#include "model/ports/artifacts.hpp"

#include <filesystem>
#include <functional>
#include <memory>

namespace troupe::artifacts {

struct limits {
  bytes largest = 64_GiB;   ///< a larger artifact is refused with `errc::too_large`
  bytes keep_free = 0_MiB;  ///< writes are refused with `errc::no_space` when less than this would stay free on the disk
};

/// One of a store's artifacts, as a walk sees it.
struct stored_artifact {
  digest hash;
  bytes size;
  timestamp touched{};  ///< put or touched the last time
};

/// A store and what its keeper needs beyond storing. Any thread.
class store : public model::ports::artifact_store {
 public:
  static constexpr unsigned parts = 256;
  /// Visits the artifacts whose digest begins with the byte `part`, in no order, until `visit` returns false. One that is put or
  /// removed meanwhile may be seen or not.
  virtual result<void> walk(unsigned part, const std::function<bool(const stored_artifact&)>& visit) const = 0;
  /// Removes an artifact unless it was put or touched after `until`. Whoever has opened it reads on.
  /// @returns whether it was removed
  virtual result<bool> remove(const digest& hash, timestamp until) = 0;
  /// The clock by which artifacts age.
  [[nodiscard]] virtual timestamp now() const = 0;
};

/// Opens the store in `root`, whose parent must exist, and removes what unfinished uploads left there. One store per directory.
/// @param clock  by which artifacts age; without one, wall-clock time that does not jump while the store is open
[[nodiscard]] result<std::unique_ptr<store>> make_artifact_store(const std::filesystem::path& root, const limits& bounds,
                                                                 std::function<timestamp()> clock = {});

}  // namespace troupe::artifacts
