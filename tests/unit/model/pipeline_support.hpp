#pragma once

#include "model/pipeline.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

// What the tests of pipelines share.
namespace troupe::model::testing {

inline std::string text_of_file(const std::string& path) {
  const std::ifstream file{std::string{TROUPE_SOURCE_DIR} + "/" + path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline pipeline shipped(const std::string& name) {
  const auto path = "config/pipelines/" + name + ".yaml";
  return parse_pipeline(text_of_file(path), path, pipeline_origin::installed).value();
}

inline json::value to_value(std::string_view text) { return json::parse({text.data(), text.size()}); }
inline json::object to_object(std::string_view text) { return to_value(text).as_object(); }

/// {"artifact": "dd...d"} with 64 times the digit.
inline json::object artifact(char digit) { return {{"artifact", std::string(64, digit)}}; }

}  // namespace troupe::model::testing
