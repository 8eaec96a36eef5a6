#pragma once

#include "gpu/plan/specialise.hpp"

/// How passes find their way in a network.
namespace troupe::gpu::detail {

/// Who makes and who reads each value. Valid until a node is added or removed.
class wiring {
 public:
  explicit wiring(const graph& network);
  /// Null for inputs and constants.
  [[nodiscard]] const node* maker_of(value_id id) const noexcept;
  /// The maker, if it is this operator.
  [[nodiscard]] const node* maker_of(value_id id, std::string_view op) const noexcept;
  [[nodiscard]] int readers_of(value_id id) const noexcept { return readers_[id]; }
  /// The place in `graph::nodes` of the value's only reader; nothing if there are more, or it is an output of the network.
  [[nodiscard]] std::optional<std::size_t> only_reader(value_id id) const noexcept;

 private:
  static constexpr std::size_t none = SIZE_MAX;
  const graph& network_;
  std::vector<std::size_t> makers_, last_reader_;
  std::vector<int> readers_;
};

/// The one element of a constant.
[[nodiscard]] std::optional<double> scalar_of(const graph& network, value_id id);
/// Whether the value is that number, to six digits.
[[nodiscard]] bool is_number(const graph& network, value_id id, double number);

/// Of a commutative node with two inputs: the one that is not `known`.
[[nodiscard]] value_id other_input(const node& of, value_id known) noexcept;

}  // namespace troupe::gpu::detail
