#include "networks.hpp"

#include "layers.hpp"

namespace troupe::bench {

namespace {

using gpu::value_id;

/// He et al. 2015, table 1, 50 layers; batch normalisation is already in the weights, as PyTorch exports it.
gpu::graph resnet50() {
  layers net("resnet50");
  auto x = net.to.input("input", gpu::dtype::f32, {1, 3, 224, 224});
  x = net.max_pool(net.relu(net.conv(x, 3, 64, 7, 2)), 3, 2, 1);
  std::int64_t in = 64;
  const std::array<int, 4> blocks{3, 4, 6, 3};
  for (std::size_t stage = 0; stage < blocks.size(); ++stage) {
    const auto width = std::int64_t{64} << stage;
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      auto y = net.relu(net.conv(x, in, width, 1));
      y = net.relu(net.conv(y, width, width, 3, stride));
      y = net.conv(y, width, 4 * width, 1);
      const auto way_past = block == 0 ? net.conv(x, in, 4 * width, 1, stride) : x;
      x = net.relu(net.add(y, way_past));
      in = 4 * width;
    }
  }
  net.to.output(net.classifier(x, in, 1000), "output");
  return net.to.finish();
}

/// Sandler et al. 2018, table 2.
gpu::graph mobilenet() {
  struct stage {
    std::int64_t factor, channels;
    int repeats;
    std::int64_t stride;
  };
  constexpr std::array<stage, 7> stages{
      {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
  layers net("mobilenet_v2");
  auto x = net.to.input("input", gpu::dtype::f32, {1, 3, 224, 224});
  x = net.relu6(net.conv(x, 3, 32, 3, 2));
  std::int64_t in = 32;
  for (const auto& one : stages) {
    for (int i = 0; i < one.repeats; ++i) {
      const auto stride = i == 0 ? one.stride : 1;
      const auto wide = in * one.factor;
      auto y = one.factor == 1 ? x : net.relu6(net.conv(x, in, wide, 1));
      y = net.relu6(net.conv(y, wide, wide, 3, stride, wide));
      y = net.conv(y, wide, one.channels, 1);
      x = stride == 1 && in == one.channels ? net.add(x, y) : y;
      in = one.channels;
    }
  }
  x = net.relu6(net.conv(x, in, 1280, 1));
  net.to.output(net.classifier(x, 1280, 1000), "output");
  return net.to.finish();
}

/// Ronneberger et al. 2015 with padding, as it is used for mattes.
gpu::graph unet() {
  layers net("unet");
  auto x = net.to.input("input", gpu::dtype::f32, {1, 3, 256, 256});
  std::vector<value_id> past;
  std::int64_t in = 3;
  for (std::int64_t width = 32; width <= 256; width *= 2) {
    x = net.relu(net.conv(net.relu(net.conv(x, in, width, 3)), width, width, 3));
    past.push_back(x);
    x = net.max_pool(x, 2, 2, 0);
    in = width;
  }
  x = net.relu(net.conv(net.relu(net.conv(x, 256, 512, 3)), 512, 512, 3));
  for (std::int64_t width = 256; width >= 32; width /= 2) {
    x = net.concat({past.back(), net.up_conv(x, 2 * width, width)});
    past.pop_back();
    x = net.relu(net.conv(net.relu(net.conv(x, 2 * width, width, 3)), width, width, 3));
  }
  net.to.output(net.to.add("Sigmoid", {net.conv(x, 32, 1, 1)}), "alpha");
  return net.to.finish();
}

value_id yolo_conv(layers& net, value_id x, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
  return net.silu(net.conv(x, in, out, kernel, stride));
}

/// "C3": two ways, one through bottlenecks.
value_id c3(layers& net, value_id x, std::int64_t in, std::int64_t out, int repeats, bool with_past) {
  const auto half = out / 2;
  auto a = yolo_conv(net, x, in, half, 1);
  for (int i = 0; i < repeats; ++i) {
    const auto y = yolo_conv(net, yolo_conv(net, a, half, half, 1), half, half, 3);
    a = with_past ? net.add(a, y) : y;
  }
  return yolo_conv(net, net.concat({a, yolo_conv(net, x, in, half, 1)}), out, out, 1);
}

/// YOLO v5 s (ultralytics, yolov5s.yaml) at 320 x 320, without the last decoding.
gpu::graph yolo() {
  layers net("yolo_v5s");
  auto x = net.to.input("input", gpu::dtype::f32, {1, 3, 320, 320});
  x = yolo_conv(net, x, 3, 32, 6, 2);
  x = c3(net, yolo_conv(net, x, 32, 64, 3, 2), 64, 64, 1, true);
  const auto p3 = c3(net, yolo_conv(net, x, 64, 128, 3, 2), 128, 128, 2, true);
  const auto p4 = c3(net, yolo_conv(net, p3, 128, 256, 3, 2), 256, 256, 3, true);
  x = c3(net, yolo_conv(net, p4, 256, 512, 3, 2), 512, 512, 1, true);
  x = yolo_conv(net, x, 512, 256, 1);  // spatial pyramid pooling, the fast way
  const auto a = net.max_pool(x, 5, 1, 2);
  const auto b = net.max_pool(a, 5, 1, 2);
  x = yolo_conv(net, net.concat({x, a, b, net.max_pool(b, 5, 1, 2)}), 1024, 512, 1);
  const auto top = yolo_conv(net, x, 512, 256, 1);
  x = c3(net, net.concat({net.twice(top), p4}), 512, 256, 1, false);
  const auto middle = yolo_conv(net, x, 256, 128, 1);
  const auto small = c3(net, net.concat({net.twice(middle), p3}), 256, 128, 1, false);
  const auto medium = c3(net, net.concat({yolo_conv(net, small, 128, 128, 3, 2), middle}), 256, 256, 1, false);
  const auto large = c3(net, net.concat({yolo_conv(net, medium, 256, 256, 3, 2), top}), 512, 512, 1, false);
  net.to.output(net.to.add("Sigmoid", {net.conv(small, 128, 255, 1)}), "small");
  net.to.output(net.to.add("Sigmoid", {net.conv(medium, 256, 255, 1)}), "medium");
  net.to.output(net.to.add("Sigmoid", {net.conv(large, 512, 255, 1)}), "large");
  return net.to.finish();
}

/// Shi et al. 2016: luma twice as large.
gpu::graph espcn() {
  layers net("espcn_x2");
  auto x = net.to.input("input", gpu::dtype::f32, {1, 1, 360, 640});
  x = net.to.add("Tanh", {net.conv(x, 1, 64, 5)});
  x = net.to.add("Tanh", {net.conv(x, 64, 32, 3)});
  x = net.conv(x, 32, 4, 3);
  net.to.output(net.to.add("DepthToSpace", {x}, {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}}), "output");
  return net.to.finish();
}

}  // namespace

std::vector<named_network> networks() {
  std::vector<named_network> made;
  made.push_back({"resnet50", resnet50()});
  made.push_back({"mobilenet_v2", mobilenet()});
  made.push_back({"unet", unet()});
  made.push_back({"yolo_v5s", yolo()});
  made.push_back({"espcn_x2", espcn()});
  return made;
}

}  // namespace troupe::bench
