#include "http/json/problem.hpp"

#include "http/json/writer.hpp"
#include "http/status_map.hpp"

#include <fmt/format.h>

namespace troupe::http::json {

void write_problem(std::string& out, int status, std::string_view code, std::string_view detail,
                   std::optional<std::chrono::milliseconds> retry_after) {
  writer json{out};
  json.begin_object();
  json.member("type", fmt::format("about:blank#{}", code));
  json.member("title", std::string_view{reason_of(status)});
  json.member("status", status);
  json.member("code", code);
  json.member("detail", detail);
  if (retry_after) json.member("retry_after_ms", retry_after->count());
  json.end_object();
}

}  // namespace troupe::http::json
