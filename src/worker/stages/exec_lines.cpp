#include "worker/stages/exec_lines.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace troupe::worker {
namespace {

namespace json = boost::json;

/// To standard error, which the node keeps the head and the tail of. What cannot be written there is dropped.
void log_line(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool is_file_type(std::string_view type) { return type == "image" || type == "audio" || type == "video" || type == "file"; }

bool fits(std::string_view type, const json::value& value) {
  if (type == "text") return value.is_string();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number() && std::isfinite(value.to_number<double>());  // 1e400 is read as infinity
  if (type == "boolean") return value.is_bool();
  return type == "object" && value.is_object();
}

std::string_view media_type_of(const std::filesystem::path& file) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> known{{{".png", "image/png"},
                                                                                        {".jpg", "image/jpeg"},
                                                                                        {".jpeg", "image/jpeg"},
                                                                                        {".webp", "image/webp"},
                                                                                        {".gif", "image/gif"},
                                                                                        {".wav", "audio/wav"},
                                                                                        {".mp3", "audio/mpeg"},
                                                                                        {".flac", "audio/flac"},
                                                                                        {".ogg", "audio/ogg"},
                                                                                        {".mp4", "video/mp4"},
                                                                                        {".webm", "video/webm"},
                                                                                        {".mkv", "video/x-matroska"},
                                                                                        {".json", "application/json"},
                                                                                        {".txt", "text/plain"}}};
  const auto extension = file.extension().native();
  const auto* const found = std::find_if(known.begin(), known.end(), [&](const auto& row) { return row.first == extension; });
  return found == known.end() ? "application/octet-stream" : found->second;
}

std::string text_or(const json::object& object, std::string_view key, std::string_view fallback) {
  const auto* const value = object.if_contains(key);
  return std::string{value != nullptr && value->is_string() ? std::string_view{value->get_string()} : fallback};
}

double number_or(const json::object& object, std::string_view key, double fallback) {
  const auto* const value = object.if_contains(key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : fallback;
}

std::uint64_t count_or(const json::object& object, std::string_view key, std::uint64_t fallback) {
  const auto value = number_or(object, key, -1);
  return value >= 0 && value < 1e15 ? static_cast<std::uint64_t>(value) : fallback;
}

error failed(std::string detail) { return {errc::internal, std::move(detail)}; }

}  // namespace

exec_answers::exec_answers(const task& work, progress_sink& progress) : work_(work), progress_(progress) {
  for (const auto& spec : work.program->outputs()) declared_[spec.name()] = {spec.type(), spec.list(), false};
}

result<void> exec_answers::push(std::string_view data) {
  while (!data.empty()) {
    const auto end = data.find('\n');
    buffer_.append(data.substr(0, end));
    if (buffer_.size() > line_bytes_most) {
      if (!in_long_line_ && buffer_.front() == '{')
        return failed(fmt::format("the program wrote a line of over {} bytes that starts with \"{{\"; put large data into a file",
                                  line_bytes_most));
      log_line(buffer_);
      buffer_.clear();
      in_long_line_ = true;
    }
    if (end == std::string_view::npos) return {};
    data.remove_prefix(end + 1);
    const auto line = std::exchange(buffer_, {});
    if (std::exchange(in_long_line_, false)) {
      log_line(line + "\n");
    } else {
      TROUPE_CHECK(on_line(line));
    }
  }
  return {};
}

result<void> exec_answers::finish() { return buffer_.empty() ? result<void>{} : push("\n"); }

result<void> exec_answers::on_line(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  boost::system::error_code failure;
  const auto value = line.starts_with('{') ? json::parse(line, failure) : json::value{};
  const auto* const object = failure ? nullptr : value.if_object();
  if (object == nullptr) {
    if (!line.empty()) log_line(std::string{line} + "\n");
  } else if (const auto* what = object->if_contains("error")) {
    on_error(*what);
  } else if (const auto* put_out = object->if_contains("output"); put_out != nullptr && put_out->is_object()) {
    return on_output(put_out->get_object());
  } else if (object->contains("progress") || object->contains("frames_done")) {
    on_progress(*object);
  } else if (const auto* done = object->if_contains("done"); done != nullptr && *done == true) {
    over_ = true;
  } else {
    log_line(std::string{line} + "\n");
  }
  return {};
}

void exec_answers::on_progress(const json::object& line) {
  const auto share = std::clamp(number_or(line, "progress", last_.permille / 1000.0), 0.0, 1.0);
  last_.permille = std::max(last_.permille, static_cast<std::uint32_t>(share * 1000));
  last_.frames_done = count_or(line, "frames_done", last_.frames_done);
  last_.frames_total = count_or(line, "frames_total", last_.frames_total);
  last_.message = text_or(line, "message", last_.message);
  progress_.report(last_);
}

void exec_answers::on_error(const json::value& what) {
  over_ = true;
  if (error_) return;
  const auto* const object = what.if_object();
  const auto* const bad = object != nullptr ? object->if_contains("bad_input") : nullptr;
  const auto code = bad != nullptr && *bad == true ? errc::bad_request : errc::internal;
  const auto detail = what.is_string() ? std::string{what.get_string()} : object != nullptr ? text_or(*object, "detail", "") : "";
  error_ = error{code, detail.empty() ? "the program reported an error without a detail" : detail};
}

result<void> exec_answers::on_output(const json::object& what) {
  const auto name = text_or(what, "name", "");
  const auto found = declared_.find(name);
  if (found == declared_.end())
    return failed(fmt::format("the program put out \"{}\", which its pipeline does not declare", name.substr(0, 200)));
  auto& spec = found->second;
  if (spec.given && !spec.list)
    return failed(fmt::format("the program put out \"{}\" twice; only a list can be put out so", name));
  spec.given = true;
  const auto* const value = what.if_contains("value");
  if (is_file_type(spec.type)) return on_file(name, spec, what);
  if (value == nullptr) return failed(fmt::format("output \"{}\" is declared as {}: it needs a \"value\"", name, spec.type));
  return on_value(name, spec, *value);
}

result<void> exec_answers::on_file(const std::string& name, declared& spec, const json::object& what) {
  std::filesystem::path file = text_or(what, "file", "");
  if (file.empty()) return failed(fmt::format("output \"{}\" is declared as {}: it needs a \"file\"", name, spec.type));
  if (++count_ > output_count_most) return failed(fmt::format("the program put out more than {} things", output_count_most));
  if (file.is_relative()) {
    std::error_code missing;
    const auto in_out = work_.out / file;
    file = std::filesystem::exists(in_out, missing) ? in_out : work_.scratch / file;
  }
  const auto media_type = text_or(what, "media_type", media_type_of(file));
  outputs_.files.push_back({name, std::move(file), media_type, spec.list});
  return {};
}

result<void> exec_answers::on_value(const std::string& name, declared& spec, const json::value& value) {
  const bool many = spec.list && value.is_array();
  const auto elements = many ? value.get_array() : json::array{value};
  count_ += elements.size();
  values_bytes_ += json::serialize(value).size();
  if (count_ > output_count_most || values_bytes_ > values_bytes_most)
    return failed(fmt::format("the program put out more than {} things or {} bytes of values; put large data into a file",
                              output_count_most, values_bytes_most));
  for (const auto& element : elements) {
    if (!fits(spec.type, element))
      return failed(fmt::format("output \"{}\" is declared as {}, the program gave {}", name, spec.type,
                                json::serialize(element).substr(0, 200)));
  }
  if (!spec.list) {
    outputs_.values[name] = value;
    return {};
  }
  auto& list = outputs_.values[name];
  if (!list.is_array()) list.emplace_array();
  list.get_array().insert(list.get_array().end(), elements.begin(), elements.end());
  return {};
}

result<outputs> exec_answers::take() {
  for (const auto& [name, spec] : declared_) {
    if (spec.given) continue;
    if (!spec.list) return failed(fmt::format("the program ended without its declared output \"{}\" ({})", name, spec.type));
    outputs_.values[name].emplace_array();  // a list may be empty
  }
  return std::move(outputs_);
}

std::string exec_request(const task& work) {
  return json::serialize(json::object{{"task", work.key},
                                      {"attempt", work.attempt},
                                      {"params", work.params},
                                      {"out", work.out.native()},
                                      {"scratch", work.scratch.native()},
                                      {"threads", work.threads}})
         + "\n";
}

}  // namespace troupe::worker
