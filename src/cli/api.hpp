#pragma once

#include "cli/http_client.hpp"
#include "cli/retry.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <utility>

namespace troupe::cli {

namespace json = boost::json;

/// Says something to the person in front, on standard error.
using teller = std::function<void(const std::string&)>;

/// A node's HTTP API with retries: whatever is sent through it may be sent twice.
class api {
 public:
  /// How long to go on without an answer. The first contact fails early: the address is probably wrong.
  struct patience {
    duration first_contact = 5s;
    duration later = 60s;
  };
  api(http_client client, patience limits, teller tell) : client_(std::move(client)), patience_(limits), tell_(std::move(tell)) {}

  /// Sends the request, again while the node cannot be reached or is busy (429, 503, 504), and reads the JSON answer.
  /// @returns `refused` or `node_failed` with the problem's detail for any other status.
  [[nodiscard]] outcome<json::object> call(const http_request& request);
  /// The same without reading the body as JSON; 2xx and 304 only.
  [[nodiscard]] outcome<http_response> exchange(const http_request& request);
  /// One try, no judgement of the status: for streams that resume.
  [[nodiscard]] outcome<http_response> once(const http_request& request) { return client_.perform(request); }
  /// Waits before the next try, saying why. @returns the failure when it is time to give up.
  [[nodiscard]] outcome<void> wait_after(const failure& why, std::optional<duration> asked, retry_budget& budget) const;
  [[nodiscard]] retry_budget budget() const {
    return retry_budget{client_.has_answered() ? patience_.later : patience_.first_contact};
  }

  [[nodiscard]] const std::string& url() const noexcept { return client_.url(); }
  void tell(const std::string& line) const { tell_(line); }
  /// From now on says things through `tell`. @returns what it was before.
  teller tell_through(teller tell) { return std::exchange(tell_, std::move(tell)); }

 private:
  [[nodiscard]] failure explained(const http_request& request, const http_response& response);

  http_client client_;
  patience patience_;
  teller tell_;
};

/// The failure that a status other than 2xx means, from its problem document (RFC 9457) if there is one.
[[nodiscard]] failure failure_of(const http_response& response, const std::string& url);
/// Whether the same request may work later: 429, 503, 504.
[[nodiscard]] bool is_busy(int status) noexcept;
/// What `Retry-After` (whole seconds) asks for.
[[nodiscard]] std::optional<duration> retry_after_of(const http_response& response);

}  // namespace troupe::cli
