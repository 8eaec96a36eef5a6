#include "fleet/prometheus.hpp"

#include "fleet/foreign_text.hpp"
#include "fleet/json_look.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <charconv>
#include <cmath>

namespace troupe::fleet {
namespace {

namespace json = boost::json;
using detail::text_in;
constexpr std::size_t words_most = 300;

/// [1435781451.781, "1"]: when, and the number as a text.
result<double> number_from(const json::array& sample) {
  const auto* const text = sample.size() == 2 ? sample[1].if_string() : nullptr;
  if (!text) return error{errc::corrupt, "the answer's sample has another form than documented"};
  double number = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (failed != std::errc{} || end != text->data() + text->size() || !std::isfinite(number))
    return error{errc::not_found, fmt::format("the answer is {}", foreign_text(std::string_view{*text}, words_most))};
  return number;
}

result<double> number_in_answer(const json::object& read) {
  const auto type = text_in(read, {"data", "resultType"});
  const auto& found = detail::list_in(read, {"data", "result"});
  if (type == "scalar") return number_from(found);
  if (type != "vector")
    return error{errc::not_found, fmt::format("the answer is a {}, no number", foreign_text(type, words_most))};
  if (found.size() != 1)
    return error{errc::not_found, found.empty() ? "the answer has no series"
                                                : fmt::format("the answer has {} series: let the query make one of them, with "
                                                              "sum() for example",
                                                              found.size())};
  const auto* const series = found.front().if_object();
  return number_from(series ? detail::list_in(*series, {"value"}) : json::array{});
}

}  // namespace

result<double> prometheus::ask(const std::string& query) {
  TROUPE_TRY(const auto answer, server_->exchange({.target = "/api/v1/query?query=" + encode_part(query)}));
  boost::system::error_code failure;
  const auto parsed = json::parse(answer.body, failure);
  const auto* const read = failure ? nullptr : parsed.if_object();
  if (!read) return error{errc::corrupt, fmt::format("{}: the answer is no JSON object; is that a Prometheus?", answer.status)};
  if (text_in(*read, {"status"}) != "success")
    return error{errc::bad_request,
                 fmt::format("{}: {}: {}", answer.status, foreign_text(text_in(*read, {"errorType"}), words_most),
                             foreign_text(text_in(*read, {"error"}), words_most))};
  return number_in_answer(*read);
}

}  // namespace troupe::fleet
