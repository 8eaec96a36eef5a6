#include "scaling/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace troupe::scaling {
namespace {

constexpr double width = 1080, left = 70, right = 24, top = 56, panel = 150, gap = 46;
constexpr std::size_t points_most = 900;
constexpr std::array<std::string_view, 4> colours{"#0b6e99", "#c2571a", "#4c8c2b", "#7b4fa3"};

using value_of = std::function<double(const moment&)>;

struct curve {
  std::string name, colour;
  bool is_dashed = false;
  std::vector<std::pair<double, double>> points;
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

/// At most so many points: of each stretch the largest value, so that no peak is lost.
curve curve_of(std::string name, std::string_view colour, bool is_dashed, const simulated& run, const value_of& value) {
  curve made{std::move(name), std::string{colour}, is_dashed, {}};
  const auto stretch = std::max<std::size_t>(1, run.moments.size() / points_most);
  for (std::size_t i = 0; i < run.moments.size(); i += stretch) {
    double most = 0;
    for (std::size_t j = i; j < std::min(i + stretch, run.moments.size()); ++j) most = std::max(most, value(run.moments[j]));
    made.points.emplace_back(run.moments[i].hours, most);
  }
  return made;
}

/// A round number of 1, 2 or 5 times a power of ten, so that there are about `count` of them.
double tick_of(double most, int count) {
  const double rough = std::max(most, 1e-9) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double each : {1.0, 2.0, 5.0}) {
    if (each * power >= rough) return each * power;
  }
  return 10 * power;
}

std::string label_of(double value) { return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.4g}", value); }

class drawing {
 public:
  drawing(double hours, int panels) : hours_(std::max(hours, 1e-9)), height_(top + panels * (panel + gap)) {}

  void add(std::string_view title, const std::vector<curve>& curves) {
    double most = 0;
    for (const auto& each : curves) {
      for (const auto& point : each.points) most = std::max(most, point.second);
    }
    const double step = tick_of(std::max(most, 1e-6), 4);
    const double scale = std::max(step, std::ceil(most / step) * step);
    const double base = y_ + panel;
    out_ += fmt::format("<text x=\"{}\" y=\"{:.1f}\" class=\"t\">{}</text>\n", left, y_ - 10, escaped(title));
    for (double at = 0; at <= scale * 1.0001; at += step) {
      const double y = base - at / scale * panel;
      out_ += fmt::format(
          "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" class=\"g\"/><text x=\"{}\" y=\"{:.1f}\" "
          "class=\"y\">{}</text>\n",
          left, width - right, y, y, left - 8, y + 4, label_of(at));
    }
    const double hour_step = tick_of(hours_, 10);
    for (double at = 0; at <= hours_ * 1.0001; at += hour_step)
      out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"x\">{:.4g} h</text>\n", x_of(at), base + 16, at);
    double legend = width - right;
    for (auto each = curves.rbegin(); each != curves.rend(); ++each) {
      legend -= 8.0 * static_cast<double>(each->name.size()) + 40;
      const auto dash = each->is_dashed ? " stroke-dasharray=\"5 3\"" : "";
      out_ += fmt::format(
          "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2\"{}/><text x=\"{:.1f}\" "
          "y=\"{:.1f}\" class=\"l\">{}</text>\n",
          legend, legend + 22, y_ - 14, y_ - 14, each->colour, dash, legend + 27, y_ - 10, escaped(each->name));
    }
    for (const auto& each : curves) {
      out_ += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"{} points=\"", each.colour,
                          each.is_dashed ? " stroke-dasharray=\"5 3\"" : "");
      for (const auto& [hour, value] : each.points)
        out_ += fmt::format("{:.1f},{:.1f} ", x_of(hour), base - value / scale * panel);
      out_ += "\"/>\n";
    }
    y_ += panel + gap;
  }

  [[nodiscard]] std::string finish(std::string_view title) const {
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n"
               "<style>text{{font:13px "
               "system-ui,sans-serif;fill:#333}}.t{{font-weight:600}}.y{{text-anchor:end;fill:#777}}.x{{text-anchor:middle;fill:#"
               "777}}"
               ".g{{stroke:#e4e4e4}}.h{{font-size:17px;font-weight:600}}</style>\n<rect width=\"{0}\" height=\"{1}\" "
               "fill=\"#fff\"/>\n"
               "<text x=\"{2}\" y=\"24\" class=\"h\">{3}</text>\n",
               width, height_, left, escaped(title))
           + out_ + "</svg>\n";
  }

 private:
  [[nodiscard]] double x_of(double hour) const { return left + hour / hours_ * (width - left - right); }
  double hours_, height_, y_ = top + 12;
  std::string out_;
};

}  // namespace

std::string chart(std::string_view title, const std::vector<charted>& runs) {
  double hours = 0;
  for (const auto& each : runs) hours = std::max(hours, each.run->moments.empty() ? 0 : each.run->moments.back().hours);
  drawing picture{hours, 4};
  const auto& first = *runs.front().run;
  const double per_minute = first.moments.size() < 2 ? 1 : 1 / (60 * (first.moments[1].hours - first.moments[0].hours));
  std::vector<curve> demand{
      curve_of("tasks that come, a minute", "#555555", false, first, [&](const moment& m) { return m.arrivals * per_minute; })};
  std::vector<curve> nodes;
  std::vector<curve> wait;
  std::vector<curve> cost;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto colour = colours[i % colours.size()];
    const auto& [name, run] = runs[i];
    demand.push_back(curve_of("waiting: " + name, colour, false, *run, [](const moment& m) { return m.waiting; }));
    nodes.push_back(curve_of("desired: " + name, colour, true, *run, [](const moment& m) { return m.desired; }));
    nodes.push_back(curve_of("actual: " + name, colour, false, *run, [](const moment& m) { return m.ready; }));
    wait.push_back(curve_of(name, colour, false, *run, [](const moment& m) { return m.wait_seconds; }));
    cost.push_back(curve_of(name, colour, false, *run, [](const moment& m) { return m.cost; }));
  }
  picture.add("Demand: tasks", demand);
  picture.add("Nodes", nodes);
  picture.add("Wait: seconds, 95th percentile of five minutes", wait);
  picture.add("Cost so far", cost);
  return picture.finish(title);
}

}  // namespace troupe::scaling
