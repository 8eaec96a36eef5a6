#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"
#include "gpu/operators/recurrent_activations.hpp"

namespace troupe::gpu::detail {

namespace {

enum class cell : std::uint8_t { plain, gated, memory };  // RNN, GRU, LSTM

cell cell_of(const node& of) { return of.op == "LSTM" ? cell::memory : of.op == "GRU" ? cell::gated : cell::plain; }

/// What the attributes and shapes say.
struct plan {
  cell kind = cell::plain;
  std::int64_t gates = 1, steps = 0, batch = 0, width = 0, hidden = 0;
  std::size_t directions = 1;
  bool begins_at_end = false;   ///< the only direction does
  bool is_batch_first = false;  ///< "layout" 1
  bool resets_late = false;     ///< "linear_before_reset"
  bool couples_gates = false;   ///< "input_forget"
  double clip = INFINITY;
  std::vector<activation> functions;  ///< of the first direction, then of the second

  [[nodiscard]] std::int64_t x_at(std::int64_t step, std::int64_t b) const {
    return (is_batch_first ? b * steps + step : step * batch + b) * width;
  }
  [[nodiscard]] std::int64_t y_at(std::int64_t step, std::size_t d, std::int64_t b) const {
    const auto of = static_cast<std::int64_t>(directions), at = static_cast<std::int64_t>(d);
    return (is_batch_first ? (b * steps + step) * of + at : (step * of + at) * batch + b) * hidden;
  }
  [[nodiscard]] std::int64_t state_at(std::size_t d, std::int64_t b) const {
    const auto of = static_cast<std::int64_t>(directions), at = static_cast<std::int64_t>(d);
    return (is_batch_first ? b * of + at : at * batch + b) * hidden;
  }
  [[nodiscard]] dims y_shape() const {
    const auto of = static_cast<std::int64_t>(directions);
    return is_batch_first ? dims{batch, steps, of, hidden} : dims{steps, of, batch, hidden};
  }
  [[nodiscard]] dims state_shape() const {
    const auto of = static_cast<std::int64_t>(directions);
    return is_batch_first ? dims{batch, of, hidden} : dims{of, batch, hidden};
  }
};

result<void> read_attributes(const node& of, plan& made) {
  constexpr std::array<std::string_view, 3> memory{"Sigmoid", "Tanh", "Tanh"};
  constexpr std::array<std::string_view, 1> plain{"Tanh"};
  made.kind = cell_of(of);
  made.gates = made.kind == cell::memory ? 4 : made.kind == cell::gated ? 3 : 1;
  const auto direction = of.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    return refuse(fmt::format("direction is '{}'", direction));
  made.directions = direction == "bidirectional" ? 2 : 1;
  made.begins_at_end = direction == "reverse";
  made.is_batch_first = of.integer("layout", 0) != 0;
  made.resets_late = of.integer("linear_before_reset", 0) != 0;
  made.couples_gates = of.integer("input_forget", 0) != 0;
  if (of.has("clip")) made.clip = std::abs(static_cast<double>(of.number("clip", INFINITY)));
  if (std::isnan(made.clip)) return refuse("clip is no number");
  const auto names = made.kind == cell::memory  ? std::span<const std::string_view>{memory}
                     : made.kind == cell::gated ? std::span<const std::string_view>{memory}.first(2)
                                                : std::span<const std::string_view>{plain};
  TROUPE_TRY(made.functions, activations_of(of, names, made.directions));
  return {};
}

result<void> need_shape(const dims* given, const char* name, const dims& wanted) {
  if (given && *given != wanted)
    return refuse(fmt::format("input {} has the shape {} instead of {}", name, to_text(*given), to_text(wanted)));
  return {};
}

/// @param shapes of the inputs, null where one is left out
result<plan> plan_of(const node& of, std::span<const dims* const> shapes) {
  const auto shape = [&](std::size_t at) { return at < shapes.size() ? shapes[at] : nullptr; };
  plan made;
  TROUPE_CHECK(read_attributes(of, made));
  if (!shape(0) || !shape(1) || !shape(2)) return refuse("input X, W or R is missing");
  const auto &x = *shape(0), &recurrence = *shape(2);
  if (x.size() != 3 || recurrence.size() != 3)
    return refuse(fmt::format("an input {} and weights {} are no sequence", to_text(x), to_text(recurrence)));
  made.steps = x[made.is_batch_first ? 1 : 0];
  made.batch = x[made.is_batch_first ? 0 : 1];
  made.width = x[2];
  made.hidden = recurrence[2];
  if (made.hidden < 1 || made.hidden != of.integer("hidden_size", made.hidden))
    return refuse(fmt::format("hidden_size does not fit to {}", to_text(recurrence)));
  const auto directions = static_cast<std::int64_t>(made.directions);
  TROUPE_CHECK(need_shape(shape(1), "W", {directions, made.gates * made.hidden, made.width}));
  TROUPE_CHECK(need_shape(shape(2), "R", {directions, made.gates * made.hidden, made.hidden}));
  TROUPE_CHECK(need_shape(shape(3), "B", {directions, 2 * made.gates * made.hidden}));
  TROUPE_CHECK(need_shape(shape(4), "sequence_lens", {made.batch}));
  TROUPE_CHECK(need_shape(shape(5), "initial_h", made.state_shape()));
  if (made.kind != cell::memory && shapes.size() > 6) return refuse("it has more than 6 inputs");
  if (made.kind != cell::memory) return made;
  TROUPE_CHECK(need_shape(shape(6), "initial_c", made.state_shape()));
  TROUPE_CHECK(need_shape(shape(7), "P", {directions, 3 * made.hidden}));
  return made;
}

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  std::vector<const dims*> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    TROUPE_CHECK(need_same(inputs, i, i == 4 ? "sequence_lens" : "(weights and states)", i == 4 ? dtype::i32 : x->type));
    shapes.push_back(inputs[i] ? &inputs[i]->type.shape : nullptr);
  }
  TROUPE_TRY(const auto made, plan_of(of, shapes));
  output_types types{{x->type, made.y_shape()}, {x->type, made.state_shape()}};
  if (made.kind == cell::memory) types.push_back({x->type, made.state_shape()});
  types.resize(std::clamp<std::size_t>(of.outputs.size(), 1, types.size()));
  return types;
}

/// The weights of one direction. Null: zero.
template <class T>
struct weights {
  const T *input, *recurrence, *bias, *peepholes;
};

/// One sequence of a batch, one direction.
template <class T>
class sequence {
 public:
  sequence(const plan& of, const weights<T>& with, const activation* functions)
      : plan_(of),
        with_(with),
        functions_(functions),
        from_input_(size(of.gates * of.hidden)),
        from_state_(from_input_.size()),
        reset_(size(of.hidden)) {}

  /// Moves the state on. @param memory only of an LSTM's
  void step(const T* x, T* state, T* memory) {
    const auto hidden = plan_.hidden, all = plan_.gates * hidden;
    multiply(with_.input, x, plan_.width, 0, all, from_input_);
    multiply(with_.recurrence, state, hidden, 0, all, from_state_);
    for (std::int64_t i = 0; with_.bias && i < all; ++i) {
      from_input_[size(i)] += with_.bias[i];
      from_state_[size(i)] += with_.bias[all + i];
    }
    switch (plan_.kind) {
      case cell::plain:
        for (std::int64_t i = 0; i < hidden; ++i) state[i] = apply(0, both(i));
        return;
      case cell::gated: return gated(state);
      case cell::memory: return remember(state, memory);
    }
  }

 private:
  static std::size_t size(std::int64_t length) noexcept { return static_cast<std::size_t>(length); }
  [[nodiscard]] T both(std::int64_t i) const { return from_input_[size(i)] + from_state_[size(i)]; }
  [[nodiscard]] T apply(int which, T x) const {
    return static_cast<T>(functions_[which](std::clamp(static_cast<double>(x), -plan_.clip, plan_.clip)));
  }

  static void multiply(const T* matrix, const T* x, std::int64_t width, std::int64_t first, std::int64_t last,
                       std::vector<T>& into) {
    for (auto row = first; row < last; ++row) {
      T sum = 0;
      for (std::int64_t k = 0; k < width; ++k) sum += matrix[row * width + k] * x[k];
      into[size(row)] = sum;
    }
  }

  /// Gates: update, reset, hidden.
  void gated(T* state) {
    const auto hidden = plan_.hidden;
    for (std::int64_t i = 0; i < hidden; ++i) reset_[size(i)] = apply(0, both(hidden + i));
    if (plan_.resets_late) {
      for (std::int64_t i = 0; i < hidden; ++i) from_state_[size(2 * hidden + i)] *= reset_[size(i)];
    } else {
      for (std::int64_t i = 0; i < hidden; ++i) reset_[size(i)] *= state[i];
      multiply(with_.recurrence, reset_.data(), hidden, 2 * hidden, 3 * hidden, from_state_);
      for (std::int64_t i = 2 * hidden; with_.bias && i < 3 * hidden; ++i) from_state_[size(i)] += with_.bias[3 * hidden + i];
    }
    for (std::int64_t i = 0; i < hidden; ++i) {
      const auto update = apply(0, both(i));
      state[i] = (1 - update) * apply(1, both(2 * hidden + i)) + update * state[i];
    }
  }

  /// Gates: input, output, forget, cell.
  void remember(T* state, T* memory) {
    const auto hidden = plan_.hidden;
    const auto peep = [&](std::int64_t gate, std::int64_t i) {
      return with_.peepholes ? with_.peepholes[gate * hidden + i] * memory[i] : T{0};
    };
    for (std::int64_t i = 0; i < hidden; ++i) {
      const auto input = apply(0, both(i) + peep(0, i));
      const auto forget = plan_.couples_gates ? 1 - input : apply(0, both(2 * hidden + i) + peep(2, i));
      memory[i] = forget * memory[i] + input * apply(1, both(3 * hidden + i));
      const auto output = apply(0, both(hidden + i) + peep(1, i));
      state[i] = output * apply(2, memory[i]);
    }
  }

  const plan& plan_;
  weights<T> with_;
  const activation* functions_;
  std::vector<T> from_input_, from_state_, reset_;
};

template <class T>
void run(const plan& of, std::span<const tensor> inputs, const std::vector<std::int64_t>& lengths, std::span<tensor> outputs) {
  const auto part = [&](std::size_t at, std::size_t direction) -> const T* {
    const auto& one = inputs[at];
    return one.count() == 0
               ? nullptr
               : one.as<T>() + static_cast<std::int64_t>(direction) * (one.count() / static_cast<std::int64_t>(of.directions));
  };
  const auto functions = of.functions.size() / of.directions;
  for (std::size_t d = 0; d < of.directions; ++d) {
    const bool is_backward = of.begins_at_end || d == 1;
    sequence<T> one(of, {part(1, d), part(2, d), part(3, d), part(7, d)}, of.functions.data() + d * functions);
    for (std::int64_t b = 0; b < of.batch; ++b) {
      T* const state = outputs[1].as<T>() + of.state_at(d, b);
      T* const memory = outputs[2].as<T>() + of.state_at(d, b);
      if (inputs[5].count() > 0) std::copy_n(inputs[5].as<T>() + of.state_at(d, b), of.hidden, state);
      if (inputs[6].count() > 0) std::copy_n(inputs[6].as<T>() + of.state_at(d, b), of.hidden, memory);
      const auto length = lengths.empty() ? of.steps : lengths[static_cast<std::size_t>(b)];
      for (std::int64_t i = 0; i < length; ++i) {
        const auto step = is_backward ? length - 1 - i : i;
        one.step(inputs[0].as<T>() + of.x_at(step, b), state, memory);
        std::copy_n(state, of.hidden, outputs[0].as<T>() + of.y_at(step, d, b));
      }
    }
  }
}

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  std::vector<const dims*> shapes;
  for (const auto* const input : inputs) shapes.push_back(input ? &input->shape() : nullptr);
  TROUPE_TRY(const auto made, plan_of(of, shapes));
  const auto* const given_lengths = input_or_null(inputs, 4);
  const auto lengths = given_lengths ? given_lengths->whole_numbers() : std::vector<std::int64_t>{};
  for (const auto one : lengths)
    if (one < 0 || one > made.steps) return refuse(fmt::format("a sequence is of {} steps, there are {}", one, made.steps));
  std::vector<tensor> wide(8);
  for (std::size_t i = 0; i < std::min(inputs.size(), wide.size()); ++i)
    if (inputs[i] && i != 4) wide[i] = widened(*inputs[i]);
  const auto type = wide[0].type();
  std::vector<tensor> outputs{tensor::zeros(type, made.y_shape()), tensor::zeros(type, made.state_shape()),
                              tensor::zeros(type, made.state_shape())};
  with_real(type, [&](auto tag) { run<typename decltype(tag)::type>(made, wide, lengths, outputs); });
  for (auto& output : outputs) output = narrowed(std::move(output), inputs[0]->type());
  if (made.kind != cell::memory) outputs.pop_back();
  return outputs;
}

}  // namespace

void add_recurrent(operator_table& to) {
  for (const auto* const name : {"RNN", "GRU", "LSTM"}) to.add({.name = name, .infer = infer, .compute = compute});
}

}  // namespace troupe::gpu::detail
