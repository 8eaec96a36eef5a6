#include "gpu/shipped/picture_builder.hpp"
#include "gpu/shipped/shipped.hpp"

namespace troupe::gpu::shipped {

/// A pixel is background as far as its green is above its red and its blue: from `some` on a little, from `all` on it is nothing
/// else. What is left of the screen's green in the foreground's edges and reflections goes: green is at most as bright as red or
/// blue, and no colour is more than there is foreground.
graph matte_key() {
  constexpr float some = 0.08F, all = 0.40F;
  picture_builder net("matte-key");
  filters red(1, channels, 1), green(1, channels, 1), blue(1, channels, 1);
  red.at(0, 0) = green.at(0, 1) = blue.at(0, 2) = 1;
  const auto r = net.convolve(net.picture(), red), g = net.convolve(net.picture(), green), b = net.convolve(net.picture(), blue);
  const auto other = net.apply("Max", {r, b});
  const auto excess = net.apply("Sub", {g, other});
  const auto share = net.apply("Mul", {net.apply("Sub", {excess, net.constant(some)}), net.constant(1 / (all - some))});
  const auto alpha = net.apply("Sub", {net.constant(1), net.clip(share, 0, 1)});
  const auto colours = net.add("Concat", {r, net.apply("Min", {g, other}), b}, {{"axis", std::int64_t{1}}});
  const auto made = net.add("Concat", {net.apply("Min", {colours, alpha}), alpha}, {{"axis", std::int64_t{1}}});
  return net.finish(made, dims{open_length, 4, open_length, open_length});
}

}  // namespace troupe::gpu::shipped
