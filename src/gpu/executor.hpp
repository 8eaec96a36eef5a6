#pragma once

#include <cstdint>
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

/// What a device multiplies, and keeps between convolutions and products; it adds in floats. Processors always use floats.
enum class precision : std::uint8_t {
  single,
  half,     ///< IEEE 754 binary16: 11 digits, up to 65,504
  bfloat16  ///< 8 digits, as large as float
};
[[nodiscard]] const char* to_string(precision what) noexcept;

class executor;

/// Executors that share what one of them has.
struct side_by_side {
  std::size_t count = 1;
  std::shared_ptr<executor> each = nullptr;  ///< for that many networks at once; null where one alone is best
};

/// Where networks run.
class executor {
 public:
  virtual ~executor() = default;
  /// @param network is copied where needed; constants are shared.
  /// @returns `bad_request` if the network is not possible with these inputs or not supported.
  virtual result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                            precision with) = 0;
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs) {
    return prepare(network, inputs, precision::single);
  }
  /// How small networks, of which there is one for each of many inputs, are run faster than one after the other.
  [[nodiscard]] virtual side_by_side split() const { return {}; }
};

/// Plain loops, one thread: what the others are compared with.
[[nodiscard]] std::unique_ptr<executor> make_reference_executor();

}  // namespace troupe::gpu
