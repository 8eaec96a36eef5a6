#include "worker/stages/detections.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>

namespace troupe::worker {
namespace {

namespace json = boost::json;

constexpr std::uintmax_t file_bytes_most = 64 << 20;

/// Hundredths of a pixel, thousandths of a score: more is no information.
double rounded(float value, double steps) { return std::round(static_cast<double>(value) * steps) / steps; }

error no_detections(std::string_view why) {
  return {errc::bad_request, fmt::format("the boxes are no output of model.detect: {}", why)};
}

result<double> number_in(const json::object& from, std::string_view name) {
  const auto* const value = from.if_contains(name);
  if (!value || !value->is_number()) return no_detections(fmt::format("\"{}\" is missing or no number", name));
  return value->to_number<double>();
}

result<gpu::box> box_in(const json::value& from) {
  if (!from.is_object()) return no_detections("a box is no object");
  const auto& object = from.get_object();
  TROUPE_TRY(const auto x, number_in(object, "x"));
  TROUPE_TRY(const auto y, number_in(object, "y"));
  TROUPE_TRY(const auto width, number_in(object, "width"));
  TROUPE_TRY(const auto height, number_in(object, "height"));
  return gpu::box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width), static_cast<float>(y + height)};
}

result<std::vector<gpu::box>> boxes_in(const json::value& frame) {
  const auto* const object = frame.if_object();
  const auto* const found = object ? object->if_contains("boxes") : nullptr;
  if (!found || !found->is_array()) return no_detections("a frame has no \"boxes\"");
  std::vector<gpu::box> boxes;
  for (const auto& one : found->get_array()) {
    TROUPE_TRY(boxes.emplace_back(), box_in(one));
  }
  return boxes;
}

/// As people write numbers; Boost.JSON would write 1E1.
std::string text_of(const detection& one, std::span<const std::string> classes) {
  const auto& where = one.seen.where;
  return fmt::format(R"({{"id":{},"class":{},"score":{},"x":{},"y":{},"width":{},"height":{}}})", one.id,
                     json::serialize(json::value(classes[one.seen.kind])), rounded(one.seen.score, 1000),
                     rounded(where.left, 100), rounded(where.top, 100), rounded(where.right - where.left, 100),
                     rounded(where.bottom - where.top, 100));
}

}  // namespace

json::object to_json(const detection& one, std::span<const std::string> classes) {
  const auto& where = one.seen.where;
  return {{"id", one.id},
          {"class", classes[one.seen.kind]},
          {"score", rounded(one.seen.score, 1000)},
          {"x", rounded(where.left, 100)},
          {"y", rounded(where.top, 100)},
          {"width", rounded(where.right - where.left, 100)},
          {"height", rounded(where.bottom - where.top, 100)}};
}

result<detections_writer> detections_writer::open(const std::filesystem::path& file, std::string_view model,
                                                  std::span<const std::string> classes) {
  std::ofstream out(file, std::ios::binary);
  json::array names;
  for (const auto& name : classes) names.emplace_back(name);
  out << fmt::format("{{\"model\":{},\"classes\":{},\"frames\":[", json::serialize(json::value(model)), json::serialize(names));
  if (!out) return error{errc::io_failed, fmt::format("{} cannot be written", file.string())};
  return detections_writer(std::move(out), {classes.begin(), classes.end()});
}

void detections_writer::write(std::chrono::microseconds at, std::span<const detection> found) {
  std::string boxes;
  for (const auto& one : found) boxes += (boxes.empty() ? "" : ",") + text_of(one, classes_);
  out_ << fmt::format("{}{{\"frame\":{},\"at_ms\":{},\"boxes\":[{}]}}", frames_ == 0 ? "\n" : ",\n", frames_,
                      static_cast<double>(at.count()) / 1000, boxes);
  ++frames_;
}

result<void> detections_writer::finish(int width, int height) {
  out_ << fmt::format("\n],\"width\":{},\"height\":{}}}\n", width, height);
  out_.close();
  if (!out_) return error{errc::io_failed, "the detections cannot be written"};
  return {};
}

result<read_detections> load_detections(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  if (unknown) return error{errc::io_failed, fmt::format("the boxes cannot be read: {}", unknown.message())};
  if (size > file_bytes_most) return no_detections("it is longer than 64 MiB");
  std::string text(size, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(size));
  boost::system::error_code damage;
  const auto read = json::parse(text, damage);
  if (damage || !read.is_object()) return no_detections("it is no JSON object");
  const auto& whole = read.get_object();
  const auto* const frames = whole.if_contains("frames");
  if (!frames || !frames->is_array()) return no_detections("it has no \"frames\"");
  read_detections made;
  TROUPE_TRY(const auto width, number_in(whole, "width"));
  TROUPE_TRY(const auto height, number_in(whole, "height"));
  made.width = static_cast<int>(std::clamp(width, 0.0, 1e6));
  made.height = static_cast<int>(std::clamp(height, 0.0, 1e6));
  for (const auto& frame : frames->get_array()) {
    TROUPE_TRY(made.frames.emplace_back(), boxes_in(frame));
  }
  return made;
}

}  // namespace troupe::worker
