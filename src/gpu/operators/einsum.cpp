#include <map>

#include "gpu/operators/broadcast.hpp"
#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

// Small inputs can ask for endless work; this many products take minutes.
constexpr std::int64_t products_most = std::int64_t{1} << 36;

/// A letter, or for an axis of an ellipsis a negative number: -1 is the last one.
using label = int;

/// "ij,jk->ik" with what each label is.
struct equation {
  std::vector<std::vector<label>> terms;
  std::vector<label> output;
  std::map<label, std::int64_t> lengths;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The labels of one term. @param dots how many axes an ellipsis stands for
result<std::vector<label>> labels_of(std::string_view term, std::int64_t dots) {
  std::vector<label> labels;
  bool has_dots = false;
  while (!term.empty()) {
    if (term.starts_with("...") && !has_dots) {
      for (auto i = dots; i > 0; --i) labels.push_back(static_cast<label>(-i));
      has_dots = true;
      term.remove_prefix(3);
    } else if (is_letter(term.front())) {
      labels.push_back(term.front());
      term.remove_prefix(1);
    } else {
      return refuse(fmt::format("'{}' is no term of an equation", term));
    }
  }
  return labels;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> terms;
  for (;;) {
    const auto comma = text.find(',');
    terms.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return terms;
    text.remove_prefix(comma + 1);
  }
}

std::int64_t letters_in(std::string_view term) { return std::count_if(term.begin(), term.end(), is_letter); }

result<void> fit(equation& made, const std::vector<label>& labels, const dims& shape) {
  if (labels.size() != shape.size())
    return refuse(fmt::format("a term of {} axes does not fit to {}", labels.size(), to_text(shape)));
  for (std::size_t axis = 0; axis < labels.size(); ++axis) {
    auto& length = made.lengths.try_emplace(labels[axis], shape[axis]).first->second;
    if (length == 1) length = shape[axis];
    if (length != shape[axis] && shape[axis] != 1)
      return refuse(fmt::format("lengths {} and {} do not fit together", length, shape[axis]));
  }
  return {};
}

/// What the output is if the equation does not say: an ellipsis, then what is named once.
std::vector<label> implied(const equation& of) {
  std::map<label, int> times;
  for (const auto& term : of.terms)
    for (const auto one : term) ++times[one];
  std::vector<label> output;
  for (const auto& [one, count] : times)
    if (one < 0 || count == 1) output.push_back(one);
  return output;
}

result<equation> equation_of(const node& of, std::span<const dims* const> shapes) {
  auto text = of.text("equation", "");
  std::erase(text, ' ');
  const auto arrow = text.find("->");
  const auto terms = split(std::string_view{text}.substr(0, arrow));
  if (terms.size() != shapes.size()) return refuse(fmt::format("equation '{}' is not one of {} inputs", text, shapes.size()));
  equation made;
  std::int64_t dots_most = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const auto dots = std::max<std::int64_t>(std::ssize(*shapes[i]) - letters_in(terms[i]), 0);
    if (terms[i].find('.') != std::string_view::npos) dots_most = std::max(dots_most, dots);
    TROUPE_TRY(auto labels, labels_of(terms[i], dots));
    TROUPE_CHECK(fit(made, labels, *shapes[i]));
    made.terms.push_back(std::move(labels));
  }
  made.output = implied(made);
  if (arrow == std::string::npos) return made;
  TROUPE_TRY(made.output, labels_of(std::string_view{text}.substr(arrow + 2), dots_most));
  for (std::size_t i = 0; i < made.output.size(); ++i) {
    const bool is_double = std::count(made.output.begin(), made.output.end(), made.output[i]) > 1;
    if (is_double || !made.lengths.contains(made.output[i]))
      return refuse(fmt::format("the output of equation '{}' is not possible", text));
  }
  return made;
}

/// The output's labels, then all others, which are summed.
std::vector<label> all_labels(const equation& of) {
  auto labels = of.output;
  for (const auto& [one, length] : of.lengths)
    if (std::ranges::find(of.output, one) == of.output.end()) labels.push_back(one);
  return labels;
}

dims lengths_of(const equation& of, const std::vector<label>& labels) {
  dims lengths;
  for (const auto one : labels) lengths.push_back(of.lengths.at(one));
  return lengths;
}

/// How far one step along each label moves in an input; along a label that it has twice, in both.
dims steps_of(const std::vector<label>& labels, const std::vector<label>& term, const dims& shape) {
  const auto own = strides_of(shape);
  dims steps(labels.size(), 0);
  for (std::size_t axis = 0; axis < term.size(); ++axis) {
    const auto at = static_cast<std::size_t>(std::ranges::find(labels, term[axis]) - labels.begin());
    if (shape[axis] != 1) steps[at] += own[axis];
  }
  return steps;
}

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const first, need(inputs, 0, "0"));
  std::vector<const dims*> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    TROUPE_TRY(const auto* const one, need(inputs, i, "of a term"));
    TROUPE_CHECK(need_same(inputs, i, "of a term", first->type));
    shapes.push_back(&one->shape);
  }
  if (!is_computed(first->type)) return refuse(fmt::format("the inputs are {}", to_string(first->type)));
  TROUPE_TRY(const auto made, equation_of(of, shapes));
  if (count_of(lengths_of(made, all_labels(made))) > products_most) return refuse("the equation asks for too many products");
  return output_types{{first->type, lengths_of(made, made.output)}};
}

/// Adds to each output element the products along all labels that are summed.
template <class T>
void sum_products(const dims& over, std::size_t kept, const std::vector<dims>& steps, const std::vector<const T*>& inputs, T* y) {
  std::vector<std::int64_t> at(inputs.size(), 0);
  dims index(over.size(), 0);
  const auto summed = count_between(over, kept, over.size());
  for (std::int64_t i = 0; i < count_of(over); ++i) {
    T product = inputs[0][at[0]];
    for (std::size_t k = 1; k < inputs.size(); ++k) product *= inputs[k][at[k]];
    y[i / summed] += product;
    for (auto axis = over.size(); axis-- > 0;) {
      const bool is_over = ++index[axis] == over[axis];
      for (std::size_t k = 0; k < inputs.size(); ++k) at[k] += steps[k][axis] * (is_over ? 1 - over[axis] : 1);
      if (!is_over) break;
      index[axis] = 0;
    }
  }
}

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  std::vector<const dims*> shapes;
  std::vector<tensor> wide;
  for (const auto* const input : inputs) {
    shapes.push_back(&input->shape());
    wide.push_back(widened(*input));
  }
  TROUPE_TRY(const auto made, equation_of(of, shapes));
  const auto labels = all_labels(made);
  auto y = tensor::zeros(wide[0].type(), lengths_of(made, made.output));
  std::vector<dims> steps;
  for (std::size_t i = 0; i < inputs.size(); ++i) steps.push_back(steps_of(labels, made.terms[i], inputs[i]->shape()));
  with_computed(wide[0].type(), [&](auto tag) {
    using number = typename decltype(tag)::type;
    std::vector<const number*> elements;
    for (const auto& one : wide) elements.push_back(one.as<number>());
    sum_products(lengths_of(made, labels), made.output.size(), steps, elements, y.as<number>());
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

}  // namespace

void add_einsum(operator_table& to) { to.add({.name = "Einsum", .first = 12, .infer = infer, .compute = compute}); }

}  // namespace troupe::gpu::detail
