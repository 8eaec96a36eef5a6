#include "gpu/device/kernels.hpp"
#include "gpu/operators/multiply.hpp"

namespace troupe::gpu::device {

namespace {

/// Larger stacks that do not have one step from each matrix to the next are left to the processor.
constexpr std::int64_t calls_most = 4096;

class product_kernel : public kernel {
 public:
  product_kernel(const product_spec& what, view left, view right, view made)
      : what_(what), left_(std::move(left)), right_(std::move(right)), made_(std::move(made)) {}
  void bind(const placing& at) override {
    left_at_ = at(left_);
    right_at_ = at(right_);
    made_at_ = at(made_);
  }
  result<void> run(machine& on) override { return on.run(what_, left_at_, right_at_, made_at_); }

 private:
  product_spec what_;
  view left_, right_, made_;
  std::byte* left_at_ = nullptr;
  std::byte* right_at_ = nullptr;
  std::byte* made_at_ = nullptr;
};

view moved(view one, std::int64_t elements) {
  one.first += elements;
  return one;
}

result<void> add_product(builder& to, const product_spec& what, const view& left, const view& right, const view& made) {
  TROUPE_CHECK(to.on().make_ready(what));
  to.add(std::make_unique<product_kernel>(what, left, right, made), std::array{left, right, made});
  return {};
}

view factor_of(builder& to, const node& of, std::size_t input) { return to.read_plain(of.inputs[input], to.options().stored); }
view product_of(builder& to, const node& of) {
  const auto& shape = to.shape(of.outputs[0]);
  return to.scratch({.type = to.options().stored, .shape = shape}, strides_of(shape));
}

/// One call for all matrices that are one step apart, a call for each of the others.
result<bool> multiply(builder& to, const detail::multiplication& how, const view& left, const view& right, const view& made) {
  product_spec one{.rows = how.rows, .inner = how.inner, .columns = how.columns, .elements = to.options().stored};
  auto result_steps = strides_of(how.batch);
  for (auto& step : result_steps) step *= how.rows * how.columns;
  const auto over = simplified({.lengths = how.batch, .by = {how.left_steps, how.right_steps, result_steps}});
  if (!over) return false;
  const auto rank = over->lengths.size();
  if (rank > 0) {
    one.batch = over->lengths.back();
    one.left_step = over->by[0].back();
    one.right_step = over->by[1].back();
    if (one.right_step == 0 && one.left_step == one.rows * one.inner) {  // one matrix for all: they are one tall one
      one.rows *= one.batch;
      one.batch = 1;
    }
  }
  const dims outer(over->lengths.begin(), over->lengths.end() - (rank > 0 ? 1 : 0));
  if (count_of(outer) > calls_most) return false;
  const auto steps = strides_of(outer);
  for (std::int64_t i = 0; i < count_of(outer); ++i) {
    std::array<std::int64_t, 3> at{};
    for (std::size_t axis = 0; axis < outer.size(); ++axis)
      for (std::size_t k = 0; k < at.size(); ++k) at[k] += i / steps[axis] % outer[axis] * over->by[k][axis];
    TROUPE_CHECK(add_product(to, one, moved(left, at[0]), moved(right, at[1]), moved(made, at[2])));
  }
  return true;
}

result<bool> make_matmul(builder& to, const step& of) {
  const auto& node = of.what;
  const auto how = detail::multiplication_of(to.shape(node.inputs[0]), to.shape(node.inputs[1]));
  if (!how) return false;
  const auto left = factor_of(to, node, 0);
  const auto right = factor_of(to, node, 1);
  const auto made = product_of(to, node);
  TROUPE_TRY(const auto is_made, multiply(to, *how, left, right, made));
  if (!is_made) return false;
  make_after(to, of, made, of.after);
  return true;
}

result<bool> make_gemm(builder& to, const step& of) {
  const auto& node = of.what;
  const bool is_left_turned = node.integer("transA", 0) != 0;
  const auto& a = to.shape(node.inputs[0]);
  const auto& made_shape = to.shape(node.outputs[0]);
  const product_spec what{.rows = made_shape[0],
                          .inner = is_left_turned ? a[0] : a[1],
                          .columns = made_shape[1],
                          .left_is_turned = is_left_turned,
                          .right_is_turned = node.integer("transB", 0) != 0,
                          .factor = node.number("alpha", 1),
                          .elements = to.options().stored};
  const auto made = product_of(to, node);
  TROUPE_CHECK(add_product(to, what, factor_of(to, node, 0), factor_of(to, node, 1), made));
  const auto beta = node.number("beta", 1);
  if (!node.has_input(2) || beta == 0) {
    make_after(to, of, made, of.after);
    return true;
  }
  const auto more = to.read_as_it_lies(node.inputs[2]);
  chain rest(to, beta == 1 ? made : more, made_shape);
  if (beta == 1) {
    rest.apply(pointwise_op::add, more);
  } else {
    rest.apply(pointwise_op::linear, beta, 0);
    rest.apply(pointwise_op::add, made);
  }
  rest.apply(of.after);
  const auto finished = beta == 1 ? target_after(to, made, of.after) : to.scratch(to.type(node.outputs[0]), made.by);
  rest.finish(finished);
  to.see(of.output, finished);
  return true;
}

}  // namespace

result<bool> make_product(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "MatMul" && node.op != "Gemm") return false;
  for (const auto id : node.inputs)
    if (id != no_value && !to.is_float(id)) return false;
  if (!to.is_float(node.outputs[0])) return false;
  return node.op == "MatMul" ? make_matmul(to, of) : make_gemm(to, of);
}

}  // namespace troupe::gpu::device
