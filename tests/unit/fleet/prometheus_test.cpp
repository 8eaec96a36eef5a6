#include "fleet/prometheus.hpp"

#include <doctest/doctest.h>

namespace troupe::fleet {
namespace {

/// Answers the same, whatever is asked.
class fixed_web : public web {
 public:
  explicit fixed_web(result<web_answer> answer, std::string* asked = nullptr) : answer_(std::move(answer)), asked_(asked) {}
  [[nodiscard]] result<web_answer> exchange(const web_request& request) override {
    if (asked_) *asked_ = request.method + " " + request.target;
    return answer_;
  }
  [[nodiscard]] bool pause(duration) override { return true; }

 private:
  result<web_answer> answer_;
  std::string* asked_;
};

result<double> asked(int status, const std::string& body) {
  return prometheus{std::make_unique<fixed_web>(web_answer{status, body})}.ask("up");
}

std::string vector_of(const std::string& series) {
  return R"({"status": "success", "data": {"resultType": "vector", "result": [)" + series + "]}}";
}

TEST_CASE("a query is encoded, and one series or a scalar is its number") {
  std::string said;
  prometheus server{
      std::make_unique<fixed_web>(web_answer{200, vector_of(R"({"metric": {}, "value": [1435781451.781, "12.5"]})")}, &said)};
  const auto got = server.ask("sum(rate(x{a=\"b\"}[1m]))");
  REQUIRE(got.has_value());
  CHECK_EQ(*got, 12.5);
  CHECK_EQ(said, "GET /api/v1/query?query=sum%28rate%28x%7Ba%3D%22b%22%7D%5B1m%5D%29%29");
  const auto scalar = asked(200, R"({"status": "success", "data": {"resultType": "scalar", "result": [1, "-3e2"]}})");
  REQUIRE(scalar.has_value());
  CHECK_EQ(*scalar, -300);
}

TEST_CASE("an answer that is no number is none, and says why") {
  const auto why = [](const std::string& body) {
    const auto got = asked(200, body);
    REQUIRE_FALSE(got.has_value());
    CHECK_EQ(got.error().code, errc::not_found);
    return got.error().detail;
  };
  CHECK_EQ(why(vector_of("")), "the answer has no series");
  CHECK(why(vector_of(R"({"value": [1, "1"]}, {"value": [1, "2"]})")).find("2 series") != std::string::npos);
  for (const auto* const odd : {"NaN", "+Inf", "-Inf", "", "1x"}) {
    CAPTURE(odd);
    CHECK_EQ(why(vector_of(R"({"value": [1, ")" + std::string{odd} + "\"]}")), "the answer is " + std::string{odd});
  }
  CHECK_EQ(why(R"({"status": "success", "data": {"resultType": "matrix", "result": []}})"), "the answer is a matrix, no number");
}

TEST_CASE("a refusal, nonsense and silence are errors of their own") {
  const auto refused = asked(400, R"({"status": "error", "errorType": "bad_data", "error": "parse error at char 4"})");
  REQUIRE_FALSE(refused.has_value());
  CHECK_EQ(refused.error(), error{errc::bad_request, "400: bad_data: parse error at char 4"});
  const auto odd = asked(400, R"({"status": "error", "errorType": "a\nb", "error": ")" + std::string(299, 'c') + "\u20ac\"}");
  REQUIRE_FALSE(odd.has_value());
  CHECK_EQ(odd.error().detail, "400: a b: " + std::string(299, 'c'));
  CHECK_EQ(asked(503, "<html>").error().code, errc::corrupt);
  CHECK_EQ(asked(200, vector_of(R"({"value": [1]})")).error().code, errc::corrupt);
  prometheus silent{std::make_unique<fixed_web>(error{errc::timed_out, "no answer within 2s"})};
  CHECK_EQ(silent.ask("up").error().code, errc::timed_out);
}

}  // namespace
}  // namespace troupe::fleet
