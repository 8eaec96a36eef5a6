#include "http_jobs.hpp"

#include <stdexcept>
#include <string_view>

namespace troupe::bench {
namespace {

std::uint64_t occurrences(std::string_view text, std::string_view what) {
  std::uint64_t count = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

}  // namespace

std::string job_text(std::uint64_t number) {
  static const std::string filling(1024, 'x');
  return R"({"pipeline":"parked","inputs":{"text":")" + std::to_string(number) + filling + "\"}}";
}

std::string http_post(std::string_view path, std::string_view json) {
  std::string request{"POST "};
  request.append(path).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ");
  return request.append(std::to_string(json.size())).append("\r\n\r\n").append(json);
}

std::optional<http_answer> take_answer(std::string& received) {
  const auto head_end = received.find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  static constexpr char length_name[] = "Content-Length: ";
  const auto at = received.find(length_name);
  if (at == std::string::npos || at > head_end) throw std::runtime_error("an answer without Content-Length");
  const auto whole = head_end + 4 + std::stoul(received.substr(at + sizeof length_name - 1, 20));
  if (received.size() < whole) return std::nullopt;
  http_answer answer{std::stoi(received.substr(9, 3)), received.substr(head_end + 4, whole - head_end - 4)};
  received.erase(0, whole);
  return answer;
}

std::string http_jobs::request(std::uint64_t number) {
  std::string body = job_text(number * batch_);
  if (batch_ == 1) return http_post("/v1/jobs", body);
  body.insert(0, R"({"jobs":[)");
  for (std::size_t i = 1; i < batch_; ++i) body.append(",").append(job_text(number * batch_ + i));
  return http_post("/v1/jobs:batch", body + "]}");
}

std::optional<conversation::outcome> http_jobs::take(std::string& received) {
  const auto answer = take_answer(received);
  if (!answer) return std::nullopt;
  std::uint64_t accepted = answer->status == 202 ? 1 : 0;
  if (batch_ > 1) accepted = answer->status == 200 ? occurrences(answer->body, R"("status":202)") : 0;
  return outcome{accepted, batch_ - accepted};
}

}  // namespace troupe::bench
