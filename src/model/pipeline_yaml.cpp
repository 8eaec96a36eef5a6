#include "model/pipeline_limits.hpp"

#include "base/utf8.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_source.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

// Plain scalars follow the JSON-like core schema of YAML 1.2 (section 10.3), so `no` and `on` are texts and not booleans.
namespace troupe::model::detail {

namespace {

/// Thrown by the handler, caught in `read_yaml`: yaml-cpp's events have no other way to stop.
struct stop {
  position at;
  std::string what;
  std::string hint;
};

position position_of(const YAML::Mark& mark) {
  return mark.is_null() ? position{1, 1} : position{mark.line + 1, mark.column + 1};
}

json::value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char first = text[0] == '-' || text[0] == '+' ? (text.size() > 1 ? text[1] : ' ') : text[0];
  if (!(first >= '0' && first <= '9') && first != '.') return json::string{text};
  const char* const begin = text.data() + (text[0] == '+' ? 1 : 0);
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  if (const auto [stopped, failure] = std::from_chars(begin, end, integer); failure == std::errc{} && stopped == end)
    return integer;
  double number = 0;
  if (const auto [stopped, failure] = std::from_chars(begin, end, number);
      failure == std::errc{} && stopped == end && std::isfinite(number)) {
    return number;
  }
  return json::string{text};
}

class tree_builder final : public YAML::EventHandler {
 public:
  tree_builder(std::size_t nodes_most, std::string_view thing) : nodes_most_(nodes_most), thing_(thing) {}
  [[nodiscard]] source_value take() { return std::move(root_); }
  [[nodiscard]] bool has_root() const { return has_root_; }

  /// Where the document starts.
  [[nodiscard]] position start() const { return start_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = position_of(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_scalar(mark, anchor, nullptr); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse_alias(position_of(mark)); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_alias(position_of(mark)); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check_tag(mark, tag);
    add_scalar(mark, anchor, tag == "?" ? plain_scalar(value) : json::value(json::string{value}), value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, anchor, source_value::shape_kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(mark, anchor, source_value::shape_kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct open_node {
    source_value value;
    std::optional<std::pair<std::string, position>> key;  ///< read, its value not yet
  };

  [[noreturn]] static void refuse_alias(position at) {
    throw stop{at, "anchors and aliases (& and *) are not accepted",
               "write the value where it is needed, in quotes if it is a text"};
  }

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw stop{position_of(mark), "tags (!...) are not accepted", "leave the tag out; put a text that starts with ! in quotes"};
  }

  void count(position at, YAML::anchor_t anchor) {
    if (anchor != 0) refuse_alias(at);
    if (++nodes_ > nodes_most_) {
      throw stop{at, fmt::format("more than {} values", nodes_most_), fmt::format("split the {}", thing_)};
    }
  }

  [[nodiscard]] bool wants_key() const { return !path_.empty() && path_.back().value.is_map() && !path_.back().key; }

  void add_scalar(const YAML::Mark& mark, YAML::anchor_t anchor, json::value scalar, const std::string& raw = {}) {
    const auto at = position_of(mark);
    count(at, anchor);
    if (wants_key()) return add_key(at, raw);
    source_value value;
    value.at = at;
    value.scalar = std::move(scalar);
    add(std::move(value));
  }

  void add_key(position at, const std::string& key) {
    for (const auto& entry : path_.back().value.entries) {
      if (entry.key == key) {
        throw stop{at, fmt::format("{} is given twice, first on line {}", in_quotes(key), entry.at.line),
                   "remove or rename one of the two"};
      }
    }
    path_.back().key.emplace(key, at);
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, source_value::shape_kind shape) {
    const auto at = position_of(mark);
    count(at, anchor);
    if (wants_key()) throw stop{at, "a list or mapping cannot be a key", "put a text that starts with [ or { in quotes"};
    if (path_.size() >= limits::document_depth) {
      throw stop{at, fmt::format("nested deeper than {} levels", limits::document_depth), "flatten the structure"};
    }
    open_node node;
    node.value.shape = shape;
    node.value.at = at;
    path_.push_back(std::move(node));
  }

  void close() {
    auto value = std::move(path_.back().value);
    path_.pop_back();
    add(std::move(value));
  }

  void add(source_value value) {
    if (path_.empty()) {
      root_ = std::move(value);
      has_root_ = true;
      return;
    }
    auto& parent = path_.back();
    if (parent.value.is_list()) {
      parent.value.items.push_back(std::move(value));
      return;
    }
    parent.value.entries.push_back({std::move(parent.key->first), parent.key->second, std::move(value)});
    parent.key.reset();
  }

  std::vector<open_node> path_;
  source_value root_;
  position start_;
  bool has_root_ = false;
  std::size_t nodes_most_;
  std::string_view thing_;
  std::size_t nodes_ = 0;
};

int hex4(std::string_view text, std::size_t at) {
  int value = 0;
  if (at + 4 > text.size()) return -1;
  const auto [end, failure] = std::from_chars(text.data() + at, text.data() + at + 4, value, 16);
  return failure == std::errc{} && end == text.data() + at + 4 ? value : -1;
}

/// JSON writes characters beyond U+FFFF as two \u escapes (RFC 8259, 7), YAML as one \U escape.
std::string without_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i++];
      continue;
    }
    const int high = text[i + 1] == 'u' ? hex4(text, i + 2) : -1;
    const int low = high >= 0xD800 && high < 0xDC00 && text.substr(i + 6, 2) == "\\u" ? hex4(text, i + 8) : -1;
    if (low >= 0xDC00 && low < 0xE000) {
      out += fmt::format("\\U{:08X}", 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
      i += 12;
    } else {
      out += text.substr(i, 2);
      i += 2;
    }
  }
  return out;
}

/// yaml-cpp takes the end of the text for the end of an open quote, but refuses the end marker of a document there.
std::string with_end_marker(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text += "...\n";
}

result<void> check_bytes(std::string_view text, std::size_t most, const fault_maker& fault) {
  if (text.size() > most) {
    auto refusal =
        fault({1, 1}, fmt::format("{} bytes are more than the {} that a {} may have", text.size(), most, fault.thing()),
              fmt::format("split the {}, or pass large values as inputs", fault.thing()));
    refusal.code = errc::too_large;
    return refusal;
  }
  int line = 1;
  int column = 1;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F) {
      return fault({line, column}, fmt::format("the control character 0x{:02x}", byte),
                   fmt::format("a {} is text; remove the character", fault.thing()));
    }
    column = c == '\n' ? 1 : column + 1;
    line += c == '\n' ? 1 : 0;
  }
  if (!is_utf8(text)) return fault({1, 1}, "the text is not UTF-8", "save the file as UTF-8");
  return {};
}

}  // namespace

result<source_value> read_yaml(std::string_view text, text_origin origin, const fault_maker& fault) {
  const bool is_stored = origin == text_origin::store;
  TROUPE_CHECK(check_bytes(text, is_stored ? limits::stored_bytes : limits::document_bytes, fault));
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  std::istringstream stream{with_end_marker(is_json ? without_surrogates(text) : std::string{text})};
  try {
    YAML::Parser parser{stream};
    tree_builder builder{is_stored ? limits::stored_nodes : limits::document_nodes, fault.thing()};
    if (!parser.HandleNextDocument(builder) || !builder.has_root()) return source_value{};
    tree_builder rest{limits::document_nodes, fault.thing()};
    if (parser.HandleNextDocument(rest)) {
      return fault(rest.start(), "the text holds more than one YAML document",
                   fmt::format("write one {} per file", fault.thing()));
    }
    return builder.take();
  } catch (const stop& reason) {
    return fault(reason.at, reason.what, reason.hint);
  } catch (const YAML::Exception& reason) {
    const auto at = position_of(reason.mark);
    const int lines = static_cast<int>(std::ranges::count(text, '\n')) + (text.ends_with('\n') ? 0 : 1);
    if (at.line > lines) return fault({lines, 1}, "the text ends inside a quote or bracket", "close it");
    return fault(at, fmt::format("not YAML: {}", reason.msg), "check indentation, quotes and brackets here");
  } catch (const std::exception& reason) {
    return fault({1, 1}, fmt::format("not YAML: {}", reason.what()), "check indentation, quotes and brackets");
  }
}

}  // namespace troupe::model::detail
