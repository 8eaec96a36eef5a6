#include "gpu/operators/window.hpp"

#include <fmt/format.h>

namespace troupe::gpu::detail {

namespace {

// Larger strides, kernels, dilations and pads are nonsense; with this bound no product of two of them overflows.
constexpr std::int64_t length_most = std::int64_t{1} << 28;

result<dims> lengths(const node& of, const char* name, std::size_t count, std::int64_t least, std::int64_t fallback) {
  auto given = of.integers(name);
  if (!given || given->empty()) return dims(count, fallback);
  if (given->size() != count) return refuse(fmt::format("{} has {} numbers instead of {}", name, given->size(), count));
  for (const auto one : *given)
    if (one < least || one > length_most) return refuse(fmt::format("{} of {} is not possible", name, to_text(*given)));
  return *given;
}

result<void> check_lengths(const window& over) {
  if (over.rank() == 0) return refuse("the input has no spatial axis");
  if (over.input.size() != over.rank())
    return refuse(fmt::format("a kernel {} does not fit to spatial lengths {}", to_text(over.kernel), to_text(over.input)));
  for (std::size_t axis = 0; axis < over.rank(); ++axis) {
    if (over.kernel[axis] < 1 || over.kernel[axis] > length_most)
      return refuse(fmt::format("a kernel {} is not possible", to_text(over.kernel)));
    if (over.input[axis] < 1 || over.input[axis] > tensor::count_most)
      return refuse(fmt::format("spatial lengths {} are not possible", to_text(over.input)));
  }
  return {};
}

enum class padding { given, valid, same_upper, same_lower };

result<padding> padding_of(const node& of) {
  const auto text = of.text("auto_pad", "NOTSET");
  if (text == "NOTSET" || text.empty()) return padding::given;
  if (text == "VALID") return padding::valid;
  if (text == "SAME_UPPER") return padding::same_upper;
  if (text == "SAME_LOWER") return padding::same_lower;
  return refuse(fmt::format("auto_pad is '{}'", text));
}

result<window> start_window(const node& of, dims input, dims kernel) {
  window over{.input = std::move(input),
              .kernel = std::move(kernel),
              .strides = {},
              .dilations = {},
              .pads_begin = {},
              .pads_end = {},
              .output = {}};
  const auto rank = over.rank();
  TROUPE_CHECK(check_lengths(over));
  TROUPE_TRY(over.strides, lengths(of, "strides", rank, 1, 1));
  TROUPE_TRY(over.dilations, lengths(of, "dilations", rank, 1, 1));
  TROUPE_TRY(const auto pads, lengths(of, "pads", 2 * rank, 0, 0));
  over.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank));
  over.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(rank), pads.end());
  over.output.assign(rank, 0);
  return over;
}

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return a <= 0 ? -(-a / b) : (a + b - 1) / b; }

}  // namespace

dims spatial_of(const dims& shape) { return {shape.begin() + std::min<std::ptrdiff_t>(2, std::ssize(shape)), shape.end()}; }

dims with_spatial(std::int64_t batch, std::int64_t channels, const dims& spatial) {
  dims shape{batch, channels};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  return shape;
}

result<window> window_of(const node& of, dims input, dims kernel) {
  TROUPE_TRY(auto over, start_window(of, std::move(input), std::move(kernel)));
  TROUPE_TRY(const auto how, padding_of(of));
  const bool rounds_up = how == padding::given && of.integer("ceil_mode", 0) != 0;
  for (std::size_t axis = 0; axis < over.rank(); ++axis) {
    const auto length = over.input[axis], stride = over.strides[axis], extent = over.extent(axis);
    if (how != padding::given) over.pads_begin[axis] = over.pads_end[axis] = 0;
    if (how == padding::same_upper || how == padding::same_lower) {
      const auto pads = std::max<std::int64_t>((divide_up(length, stride) - 1) * stride + extent - length, 0);
      over.pads_begin[axis] = how == padding::same_upper ? pads / 2 : pads - pads / 2;
      over.pads_end[axis] = pads - over.pads_begin[axis];
    }
    const auto room = length + over.pads_begin[axis] + over.pads_end[axis] - extent;
    if (room < 0)
      return refuse(fmt::format("a window of {} does not fit into a length of {} with pads of {} and {}", extent, length,
                                over.pads_begin[axis], over.pads_end[axis]));
    auto windows = (rounds_up ? divide_up(room, stride) : room / stride) + 1;
    if (rounds_up && (windows - 1) * stride >= length + over.pads_begin[axis]) --windows;
    over.output[axis] = windows;
  }
  return over;
}

result<dims> kernel_shape_of(const node& of, std::size_t rank) {
  const auto kernel = of.integers("kernel_shape");
  if (!kernel) return refuse("kernel_shape is missing");
  if (kernel->size() != rank) return refuse(fmt::format("kernel_shape {} is not of the {} spatial axes", to_text(*kernel), rank));
  return *kernel;
}

result<window> transposed_window_of(const node& of, dims made_from, dims kernel) {
  TROUPE_TRY(auto over, start_window(of, std::move(made_from), std::move(kernel)));
  TROUPE_TRY(const auto how, padding_of(of));
  std::swap(over.input, over.output);
  TROUPE_TRY(const auto more, lengths(of, "output_padding", over.rank(), 0, 0));
  TROUPE_TRY(const auto wanted, lengths(of, "output_shape", over.rank(), 1, 0));
  for (std::size_t axis = 0; axis < over.rank(); ++axis) {
    const auto length = over.output[axis], stride = over.strides[axis];
    const auto whole = (length - 1) * stride + over.extent(axis) + more[axis];
    const bool is_same = how == padding::same_upper || how == padding::same_lower;
    if (how != padding::given) over.pads_begin[axis] = over.pads_end[axis] = 0;
    if (wanted[axis] > 0 || is_same) {
      over.input[axis] = wanted[axis] > 0 ? wanted[axis] : length * stride;
      const auto pads = std::max<std::int64_t>(whole - over.input[axis], 0);
      over.pads_begin[axis] = how == padding::same_upper ? pads / 2 : pads - pads / 2;
      over.pads_end[axis] = pads - over.pads_begin[axis];
    } else {
      over.input[axis] = whole - over.pads_begin[axis] - over.pads_end[axis];
    }
    if (over.input[axis] < 1)
      return refuse(
          fmt::format("pads of {} and {} leave nothing of a length of {}", over.pads_begin[axis], over.pads_end[axis], whole));
  }
  return over;
}

span_of_windows windows_inside(const window& over, std::size_t axis, std::int64_t k) noexcept {
  const auto start = k * over.dilations[axis] - over.pads_begin[axis];
  const auto first = start >= 0 ? 0 : divide_up(-start, over.strides[axis]);
  const auto last = start >= over.input[axis] ? 0 : (over.input[axis] - 1 - start) / over.strides[axis] + 1;
  return {.first = first, .last = std::min(last, over.output[axis]), .start = start};
}

}  // namespace troupe::gpu::detail
