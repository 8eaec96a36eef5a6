#pragma once

#include <cmath>
#include <random>

#include "gpu/network_builder.hpp"
#include "gpu/operators.hpp"

namespace troupe::gpu::testing {

/// A network of random operators, shapes and weights; the seed decides everything. Values stay of moderate size.
class random_network {
 public:
  explicit random_network(std::uint64_t seed, std::size_t nodes_most = 24);

  [[nodiscard]] const graph& network() const noexcept { return network_; }
  [[nodiscard]] const std::vector<tensor>& inputs() const noexcept { return inputs_; }
  /// One line a node, with names and shapes.
  [[nodiscard]] std::string describe() const;

 private:
  using attributes = std::map<std::string, attribute, std::less<>>;
  using ints = std::vector<std::int64_t>;
  struct live {
    value_id id;
    dims shape;
    bool is_read = false;
  };

  std::int64_t draw(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  bool flip(int percent = 50) { return draw(1, 100) <= percent; }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[draw(0, static_cast<std::int64_t>(from.size()) - 1)];
  }
  tensor random(dims shape, float least = -1, float most = 1);
  value_id constant(dims shape, float least = -1, float most = 1) { return to_.constant(random(std::move(shape), least, most)); }
  /// Any value of that rank; the newest ones more often.
  live& any(std::size_t rank);
  bool has(std::size_t rank) const;
  /// Adds a node if its shapes are possible and its results not too large. @returns false if they are not.
  bool add(const std::string& op, std::vector<value_id> inputs, attributes with = {}, std::size_t outputs = 1);

  void convolution();
  void transposed_convolution();
  void normalisation();
  void activation();
  void spelled_out_activation();
  void arithmetic();
  void pooling();
  void joining();
  void resizing();
  void moving();
  void matrices();
  void reduction();

  std::mt19937_64 random_;
  network_builder to_;
  std::vector<live> values_;
  std::map<value_id, tensor> constants_;
  std::vector<tensor> inputs_;
  graph network_;
};

}  // namespace troupe::gpu::testing
