#include "gpu/model/description.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "model/pipeline_names.hpp"
#include "model/pipeline_source.hpp"

namespace troupe::gpu {

namespace {

using ::troupe::model::detail::check_keys;
using ::troupe::model::detail::describe;
using ::troupe::model::detail::fault_maker;
using ::troupe::model::detail::hint_for;
using ::troupe::model::detail::in_quotes;
using ::troupe::model::detail::source_entry;
using ::troupe::model::detail::source_value;

constexpr std::size_t file_bytes_most = 64 << 10;
constexpr int scale_most = 8, batch_most = 64, multiple_most = 256, side_least = 16, side_most = 8192, overlap_most = 1024;

/// Reads one document; the first fault ends it.
class reader {
 public:
  reader(const fault_maker& fault, const std::filesystem::path& file) : fault_(fault), file_(file) {}

  result<model_description> read(const source_value& root) {
    if (!root.is_map()) return fault_(root.at, "a model's description has keys and values", "begin with 'task: filter'");
    TROUPE_CHECK(
        check_keys(root, {"task", "description", "network", "scale", "input", "output", "tile"}, "the description", fault_));
    model_description made;
    TROUPE_TRY(made.task, read_task(root));
    if (const auto* about = root.find("description")) {
      TROUPE_TRY(made.about, text(about->value, "'description'"));
    }
    TROUPE_TRY(made.network, network_of(root));
    TROUPE_TRY(made.scale, read_scale(root, made.task));
    if (const auto* input = root.find("input")) TROUPE_CHECK(read_input(input->value, made));
    made.out = made.in;
    if (const auto* output = root.find("output")) TROUPE_CHECK(read_output(output->value, made));
    if (const auto* tile = root.find("tile")) TROUPE_CHECK(read_tile(tile->value, made));
    return made;
  }

 private:
  result<std::string> text(const source_value& value, std::string_view what) const {
    if (!value.is_text())
      return fault_(value.at, fmt::format("{} must be a text, not {}", what, describe(value)), "put it in quotes");
    return std::string{value.text()};
  }

  result<int> whole(const source_value& value, std::string_view what, int least, int most) const {
    const auto* number = value.shape == source_value::shape_kind::scalar ? value.scalar.if_int64() : nullptr;
    if (!number || *number < least || *number > most)
      return fault_(value.at, fmt::format("{} must be a whole number from {} to {}, not {}", what, least, most, describe(value)),
                    "change the value");
    return static_cast<int>(*number);
  }

  template <class Value>
  result<Value> choice(const source_value& value, std::string_view what,
                       const std::vector<std::pair<std::string_view, Value>>& all) const {
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : all) {
      if (value.is_text() && value.text() == name) return meaning;
      names.push_back(name);
    }
    return fault_(value.at, fmt::format("{} must be one of {}, not {}", what, fmt::join(names, ", "), describe(value)),
                  value.is_text() ? hint_for(value.text(), names, "values") : "change the value");
  }

  result<model_task> read_task(const source_value& root) const {
    const auto* entry = root.find("task");
    if (!entry) return fault_(root.at, "the description has no 'task'", "add 'task: upscale' or 'task: filter'");
    return choice<model_task>(entry->value, "'task'", {{"upscale", model_task::upscale}, {"filter", model_task::filter}});
  }

  /// Only a file beside the description: a model can be moved, and names nothing else of the machine.
  result<std::filesystem::path> network_of(const source_value& root) const {
    const auto* entry = root.find("network");
    if (!entry) return std::filesystem::path(file_).replace_extension(".onnx");
    TROUPE_TRY(const auto name, text(entry->value, "'network'"));
    if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
      return fault_(entry->value.at, fmt::format("'network' is {}", in_quotes(name)), "name an ONNX file in the same folder");
    return file_.parent_path() / name;
  }

  result<int> read_scale(const source_value& root, model_task task) const {
    const auto* entry = root.find("scale");
    if (!entry && task == model_task::upscale)
      return fault_(root.at, "an upscale model needs 'scale'", "say how many times larger its pictures become: 'scale: 2'");
    if (!entry) return 1;
    TROUPE_TRY(const auto scale, whole(entry->value, "'scale'", 1, scale_most));
    if (task == model_task::filter && scale != 1)
      return fault_(entry->value.at, "a filter keeps the size: its scale is 1", "write 'task: upscale', or leave 'scale' out");
    return scale;
  }

  /// One number for all channels, or one for each.
  result<std::array<float, 3>> channels(const source_value& value, std::string_view what, int count) const {
    const auto number = [](const source_value& one) -> std::optional<float> {
      if (one.shape != source_value::shape_kind::scalar || !one.scalar.is_number()) return std::nullopt;
      const auto given = one.scalar.to_number<double>();
      return std::isfinite(given) && std::abs(given) < 1e6 ? std::optional{static_cast<float>(given)} : std::nullopt;
    };
    if (const auto one = number(value)) return std::array<float, 3>{*one, *one, *one};
    std::array<float, 3> made{};
    const bool fits = value.is_list() && value.items.size() == static_cast<std::size_t>(count);
    for (std::size_t i = 0; fits && i < value.items.size(); ++i) {
      const auto one = number(value.items[i]);
      if (!one) return fault_(value.items[i].at, fmt::format("{} holds {}", what, describe(value.items[i])), "write numbers");
      made[i] = *one;
    }
    if (!fits)
      return fault_(value.at, fmt::format("{} must be a number, or a list of {}, one for each channel", what, count),
                    "change the value");
    return made;
  }

  /// `range`, or `mean` and `std`; nothing if none is there.
  result<std::optional<value_scale>> read_values(const source_value& map, std::string_view where, int count) const {
    const auto* range = map.find("range");
    const auto* mean = map.find("mean");
    const auto* deviation = map.find("std");
    if (range && (mean || deviation))
      return fault_(range->at, fmt::format("'range' of {} stands beside 'mean' or 'std'", where), "one of the two says it all");
    value_scale made;
    if (range) {
      const auto ends =
          range->value.is_list() && range->value.items.size() == 2
              ? channels(range->value, fmt::format("'range' of {}", where), 2)
              : result<std::array<float, 3>>(fault_(range->value.at, fmt::format("'range' of {} must be two numbers", where),
                                                    "write [0, 1] or [0, 255]: what black and white are"));
      if (!ends) return ends.error();
      if ((*ends)[0] == (*ends)[1])
        return fault_(range->value.at, fmt::format("'range' of {} is empty", where), "write [0, 1] or [0, 255]");
      made.gain.fill((*ends)[1] - (*ends)[0]);
      made.offset.fill((*ends)[0]);
      return std::optional{made};
    }
    if (!mean && !deviation) return std::optional<value_scale>{};
    std::array<float, 3> centre{}, spread{1, 1, 1};
    if (mean) {
      TROUPE_TRY(centre, channels(mean->value, fmt::format("'mean' of {}", where), count));
    }
    if (deviation) {
      TROUPE_TRY(spread, channels(deviation->value, fmt::format("'std' of {}", where), count));
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      if (spread[i] == 0) return fault_(deviation->value.at, fmt::format("'std' of {} has a 0", where), "change the value");
      made.gain[i] = 1 / spread[i];
      made.offset[i] = -centre[i] / spread[i];
    }
    return std::optional{made};
  }

  result<void> read_input(const source_value& map, model_description& made) const {
    if (!map.is_map())
      return fault_(map.at, fmt::format("'input' must be a mapping, not {}", describe(map)), "write {colour: rgb}");
    TROUPE_CHECK(check_keys(map, {"layout", "colour", "range", "mean", "std", "batch", "multiple"}, "'input'", fault_));
    if (const auto* layout = map.find("layout")) {
      TROUPE_TRY([[maybe_unused]] const auto only, choice<int>(layout->value, "'layout'", {{"nchw", 0}}));
    }
    if (const auto* colour = map.find("colour")) {
      TROUPE_TRY(made.colour,
                 choice<channel_order>(colour->value, "'colour'",
                                       {{"rgb", channel_order::rgb}, {"bgr", channel_order::bgr}, {"y", channel_order::y}}));
    }
    TROUPE_TRY(const auto values, read_values(map, "'input'", channels_of(made.colour)));
    if (values) made.in = *values;
    if (const auto* batch = map.find("batch")) {
      TROUPE_TRY(made.batch, whole(batch->value, "'batch'", 1, batch_most));
    }
    if (const auto* multiple = map.find("multiple")) {
      TROUPE_TRY(made.multiple, whole(multiple->value, "'multiple'", 1, multiple_most));
    }
    return {};
  }

  result<void> read_output(const source_value& map, model_description& made) const {
    if (!map.is_map())
      return fault_(map.at, fmt::format("'output' must be a mapping, not {}", describe(map)), "write {range: [0, 1]}");
    TROUPE_CHECK(check_keys(map, {"range", "mean", "std"}, "'output'", fault_));
    TROUPE_TRY(const auto values, read_values(map, "'output'", channels_of(made.colour)));
    if (values) made.out = *values;
    return {};
  }

  result<void> read_tile(const source_value& map, model_description& made) const {
    if (!map.is_map())
      return fault_(map.at, fmt::format("'tile' must be a mapping, not {}", describe(map)), "write {side: 256, overlap: 16}");
    TROUPE_CHECK(check_keys(map, {"side", "overlap"}, "'tile'", fault_));
    if (const auto* side = map.find("side")) {
      TROUPE_TRY(made.tile, whole(side->value, "'side'", 0, side_most));
      if (made.tile != 0 && made.tile < side_least)
        return fault_(side->value.at, fmt::format("'side' is {}", made.tile),
                      fmt::format("0 for whole pictures, or {} to {}", side_least, side_most));
    }
    if (made.tile % made.multiple != 0)
      return fault_(map.at, fmt::format("'tile' has a side of {}, the input's 'multiple' is {}", made.tile, made.multiple),
                    "take a multiple of that");
    if (const auto* overlap = map.find("overlap")) {
      TROUPE_TRY(made.overlap, whole(overlap->value, "'overlap'", 0, overlap_most));
    }
    return {};
  }

  const fault_maker& fault_;
  const std::filesystem::path& file_;
};

}  // namespace

const char* to_string(model_task task) noexcept {
  switch (task) {
    case model_task::upscale: return "upscale";
    case model_task::filter: return "filter";
  }
  return "unknown";
}

result<model_description> parse_description(std::string_view text, const std::filesystem::path& file) {
  const auto name = file.string();
  const fault_maker fault{name, "description"};
  TROUPE_TRY(const auto root, ::troupe::model::detail::read_yaml(text, ::troupe::model::detail::text_origin::author, fault));
  return reader{fault, file}.read(root);
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
