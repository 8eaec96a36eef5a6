#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gpu/graph.hpp"

namespace troupe::gpu {

/// A network that is ready for inputs of certain types. For one thread at a time.
class prepared_network {
 public:
  virtual ~prepared_network() = default;
  /// @param inputs of exactly the types that it was prepared for, in the order of `graph::inputs`.
  /// @returns the outputs, in the order of `graph::outputs`. They are valid until the next call. Errors name the node.
  virtual result<std::vector<tensor>> run(std::span<const tensor> inputs) = 0;
  /// Memory that it holds between and during runs, weights included, in bytes. 0: not known.
  [[nodiscard]] virtual std::size_t memory() const noexcept = 0;
};

/// Where networks run.
class executor {
 public:
  virtual ~executor() = default;
  /// @param network is copied where needed; constants are shared.
  /// @returns `bad_request` if the network is not possible with these inputs or not supported.
  virtual result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs) = 0;
};

/// Plain loops, one thread: what the others are compared with.
[[nodiscard]] std::unique_ptr<executor> make_reference_executor();

}  // namespace troupe::gpu
