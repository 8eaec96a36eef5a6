#include "cli/web_client.hpp"

#include "fleet/foreign_text.hpp"

#include <poll.h>

#include <charconv>
#include <cstddef>

namespace troupe::cli {
namespace {

constexpr std::size_t words_most = 1000;

/// "Retry-After: 3". The form with a date is not used by the servers that are asked here.
std::optional<duration> retry_after_of(const http_response& answer) {
  const auto text = answer.header("retry-after");
  unsigned seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds{seconds};
}

}  // namespace

result<std::unique_ptr<web_client>> web_client::make(web_options options) {
  auto client = http_client::make(options.url, {.key = "", .ca = options.ca, .ca_setting = options.ca_setting});
  if (!client) return error{errc::bad_request, client.error().detail};
  return std::unique_ptr<web_client>{new web_client{std::move(options), std::move(*client)}};
}

result<fleet::web_answer> web_client::exchange(const fleet::web_request& request) {
  http_request sent{.method = request.method, .target = request.target, .body = request.body};
  sent.time_most = options_.time;
  sent.stop_fd = options_.stop_fd;
  if (!request.content_type.empty()) sent.headers.push_back("Content-Type: " + request.content_type);
  if (!request.bearer.empty()) sent.headers.push_back("Authorization: Bearer " + request.bearer);
  const auto began = std::chrono::steady_clock::now();
  auto answer = client_.perform(sent);
  if (!answer) {
    const auto& why = answer.error();
    if (why.code == exit_code::interrupted) return error{errc::stopping, "the node stops"};
    const bool is_late = std::chrono::steady_clock::now() - began >= options_.time;
    return error{is_late ? errc::timed_out : errc::io_failed,
                 fleet::foreign_text(why.detail, words_most)};  // with names from certificates
  }
  const auto later = retry_after_of(*answer);
  return fleet::web_answer{answer->status, std::move(answer->body), later};
}

bool web_client::pause(duration time) {
  pollfd stop{options_.stop_fd, POLLIN, 0};
  return ::poll(&stop, 1, static_cast<int>(time.count())) == 0;
}

}  // namespace troupe::cli
