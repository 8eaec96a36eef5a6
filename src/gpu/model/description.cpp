#include "gpu/model/description.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include "gpu/model/value_reader.hpp"

namespace troupe::gpu {

namespace {

using namespace detail;
using ::troupe::model::detail::in_quotes;

constexpr std::size_t file_bytes_most = 64 << 10;
constexpr int scale_most = 8, batch_most = 64, multiple_most = 256, side_least = 16, side_most = 8192, overlap_most = 1024;

constexpr bool makes_pictures(model_task task) { return task == model_task::upscale || task == model_task::filter; }

/// Reads one document; the first fault ends it.
class reader {
  // First: their types are found from their bodies.
  template <class Value>
  [[nodiscard]] auto as(result<Value> (value_reader::*kind)(const source_value&, std::string_view) const) const {
    return [this, kind](const source_value& value, std::string_view what) { return (read_.*kind)(value, what); };
  }
  [[nodiscard]] auto whole(int least, int most) const {
    return
        [this, least, most](const source_value& value, std::string_view what) { return read_.whole(value, what, least, most); };
  }

 public:
  reader(const value_reader& read, const std::filesystem::path& file) : read_(read), fault_(read.fault()), file_(file) {}

  result<model_description> document(const source_value& root) {
    if (!root.is_map()) return fault_(root.at, "a model's description has keys and values", "begin with 'task: filter'");
    TROUPE_CHECK(check_keys(root, {"task", "description", "network", "scale", "input", "output", "tile", "classes", "precision"},
                            "the description", fault_));
    model_description made;
    TROUPE_TRY(made.task, read_task(root));
    TROUPE_CHECK(check_task(root, made.task));
    TROUPE_CHECK(read_.perhaps(root, "description", made.about, as(&value_reader::text)));
    TROUPE_TRY(made.network, network_of(root));
    TROUPE_CHECK(read_.perhaps(root, "precision", made.computed_in, [this](const source_value& value, std::string_view what) {
      return read_.choice<precision>(
          value, what, {{"single", precision::single}, {"half", precision::half}, {"bfloat16", precision::bfloat16}});
    }));
    TROUPE_TRY(made.scale, read_scale(root, made.task));
    if (const auto* input = root.find("input")) TROUPE_CHECK(read_input(input->value, made));
    made.out = made.in;
    if (makes_pictures(made.task)) {
      if (const auto* output = root.find("output")) TROUPE_CHECK(read_output(output->value, made));
    } else {
      TROUPE_CHECK(read_outputs(root, read_, made));
    }
    if (const auto* tile = root.find("tile")) TROUPE_CHECK(read_tile(tile->value, made));
    return made;
  }

 private:
  result<model_task> read_task(const source_value& root) const {
    const auto* entry = root.find("task");
    if (!entry) return fault_(root.at, "the description has no 'task'", "add 'task: upscale', filter, detect, matte or embed");
    return read_.choice<model_task>(entry->value, "'task'",
                                    {{"upscale", model_task::upscale},
                                     {"filter", model_task::filter},
                                     {"detect", model_task::detect},
                                     {"matte", model_task::matte},
                                     {"embed", model_task::embed}});
  }

  /// Keys that mean something for other tasks alone.
  [[nodiscard]] result<void> check_task(const source_value& root, model_task task) const {
    const auto refuse = [&](const source_value& map, std::string_view key, bool is_meant) -> result<void> {
      const auto* entry = map.find(key);
      if (!entry || is_meant) return {};
      return fault_(entry->at, fmt::format("'{}' says nothing of a model for the task '{}'", key, to_string(task)),
                    "leave it out");
    };
    TROUPE_CHECK(refuse(root, "scale", makes_pictures(task)));
    TROUPE_CHECK(refuse(root, "tile", makes_pictures(task) || task == model_task::matte));
    TROUPE_CHECK(refuse(root, "classes", task == model_task::detect));
    const auto* input = root.find("input");
    if (!input || !input->value.is_map()) return {};
    for (const auto* key : {"size", "fit", "fill"}) TROUPE_CHECK(refuse(input->value, key, !makes_pictures(task)));
    return refuse(input->value, "multiple", makes_pictures(task) || task == model_task::matte);
  }

  /// Only a file beside the description: a model can be moved, and names nothing else of the machine.
  result<std::filesystem::path> network_of(const source_value& root) const {
    const auto* entry = root.find("network");
    if (!entry) return std::filesystem::path(file_).replace_extension(".onnx");
    TROUPE_TRY(const auto name, read_.text(entry->value, "'network'"));
    if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
      return fault_(entry->value.at, fmt::format("'network' is {}", in_quotes(name)), "name an ONNX file in the same folder");
    return file_.parent_path() / name;
  }

  result<int> read_scale(const source_value& root, model_task task) const {
    const auto* entry = root.find("scale");
    if (!entry && task == model_task::upscale)
      return fault_(root.at, "an upscale model needs 'scale'", "say how many times larger its pictures become: 'scale: 2'");
    if (!entry) return 1;
    TROUPE_TRY(const auto scale, read_.whole(entry->value, "'scale'", 1, scale_most));
    if (task == model_task::filter && scale != 1)
      return fault_(entry->value.at, "a filter keeps the size: its scale is 1", "write 'task: upscale', or leave 'scale' out");
    return scale;
  }

  result<void> read_input(const source_value& map, model_description& made) const {
    TROUPE_CHECK(read_.mapping(map, "'input'",
                               {"layout", "colour", "range", "mean", "std", "batch", "multiple", "size", "fit", "fill"},
                               "{colour: rgb}"));
    if (const auto* layout = map.find("layout")) {
      TROUPE_TRY([[maybe_unused]] const auto only, read_.choice<int>(layout->value, "'layout'", {{"nchw", 0}}));
    }
    TROUPE_CHECK(read_.perhaps(map, "colour", made.colour, [this](const source_value& value, std::string_view what) {
      return read_.choice<channel_order>(value, what,
                                         {{"rgb", channel_order::rgb}, {"bgr", channel_order::bgr}, {"y", channel_order::y}});
    }));
    TROUPE_TRY(const auto values, read_.scale(map, "'input'", channels_of(made.colour)));
    if (values) made.in = *values;
    TROUPE_CHECK(read_.perhaps(map, "batch", made.batch, whole(1, batch_most)));
    TROUPE_CHECK(read_.perhaps(map, "multiple", made.multiple, whole(1, multiple_most)));
    if (const auto* size = map.find("size")) TROUPE_CHECK(read_size(size->value, made));
    TROUPE_CHECK(read_.perhaps(map, "fit", made.fit, [this](const source_value& value, std::string_view what) {
      return read_.choice<fit_rule>(
          value, what, {{"letterbox", fit_rule::letterbox}, {"stretch", fit_rule::stretch}, {"crop", fit_rule::crop}});
    }));
    return read_.perhaps(map, "fill", made.fill, as(&value_reader::share));
  }

  /// One number, or width and height.
  result<void> read_size(const source_value& value, model_description& made) const {
    const bool is_pair = value.is_list() && value.items.size() == 2;
    if (value.is_list() && !is_pair)
      return fault_(value.at, "'size' must be one side, or width and height", "write 640 or [640, 384]");
    TROUPE_TRY(made.width, read_.whole(is_pair ? value.items[0] : value, "'size'", side_least, side_most));
    TROUPE_TRY(made.height, read_.whole(is_pair ? value.items[1] : value, "'size'", side_least, side_most));
    if (made.width % made.multiple != 0 || made.height % made.multiple != 0)
      return fault_(value.at,
                    fmt::format("'size' is {} x {}, the input's 'multiple' is {}", made.width, made.height, made.multiple),
                    "take a multiple of that");
    return {};
  }

  result<void> read_output(const source_value& map, model_description& made) const {
    TROUPE_CHECK(read_.mapping(map, "'output'", {"range", "mean", "std"}, "{range: [0, 1]}"));
    TROUPE_TRY(const auto values, read_.scale(map, "'output'", channels_of(made.colour)));
    if (values) made.out = *values;
    return {};
  }

  result<void> read_tile(const source_value& map, model_description& made) const {
    TROUPE_CHECK(read_.mapping(map, "'tile'", {"side", "overlap"}, "{side: 256, overlap: 16}"));
    if (const auto* side = map.find("side")) {
      TROUPE_TRY(made.tile, read_.whole(side->value, "'side'", 0, side_most));
      if (made.tile != 0 && made.tile < side_least)
        return fault_(side->value.at, fmt::format("'side' is {}", made.tile),
                      fmt::format("0 for whole pictures, or {} to {}", side_least, side_most));
    }
    if (made.tile % made.multiple != 0)
      return fault_(map.at, fmt::format("'tile' has a side of {}, the input's 'multiple' is {}", made.tile, made.multiple),
                    "take a multiple of that");
    return read_.perhaps(map, "overlap", made.overlap, whole(0, overlap_most));
  }

  const value_reader& read_;
  const fault_maker& fault_;
  const std::filesystem::path& file_;
};

}  // namespace

const char* to_string(model_task task) noexcept {
  switch (task) {
    case model_task::upscale: return "upscale";
    case model_task::filter: return "filter";
    case model_task::detect: return "detect";
    case model_task::matte: return "matte";
    case model_task::embed: return "embed";
  }
  return "unknown";
}

result<model_description> parse_description(std::string_view text, const std::filesystem::path& file) {
  const auto name = file.string();
  const fault_maker fault{name, "description"};
  TROUPE_TRY(const auto root, ::troupe::model::detail::read_yaml(text, ::troupe::model::detail::text_origin::author, fault));
  const value_reader values{fault};
  return reader{values, file}.document(root);
}

result<model_description> read_description(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return error{errc::not_found,
                 fmt::format("{}: there is no such description; it says how pictures go into the network", file.string())};
  std::string text(file_bytes_most + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_bytes_most)
    return error{errc::too_large,
                 fmt::format("{}: longer than {} bytes, that is no description", file.string(), file_bytes_most)};
  return parse_description(text, file);
}

}  // namespace troupe::gpu
