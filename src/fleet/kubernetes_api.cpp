#include "fleet/kubernetes_api.hpp"

#include "fleet/foreign_text.hpp"
#include "fleet/json_look.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fstream>

namespace troupe::fleet::kubernetes {
namespace {

namespace json = boost::json;
using detail::number_in;
using detail::text_in;

constexpr int tries_most = 3;
constexpr duration wait_most = 5s;  // what a server asks for beyond that is waited for elsewhere
constexpr std::size_t token_bytes_most = 64 << 10, page = 500, pages_most = 40, words_most = 500, name_most = 253;

result<json::object> object_from(const web_answer& answer, std::string_view what) {
  boost::system::error_code failure;
  auto read = json::parse(answer.body, failure);
  if (failure || !read.is_object())
    return error{errc::corrupt, fmt::format("{}: the answer is no JSON object; is that the API server?", what)};
  return std::move(read.as_object());
}

/// What a Status says, or the beginning of whatever came.
std::string message_of(const web_answer& answer) {
  boost::system::error_code failure;
  const auto read = json::parse(answer.body, failure);
  const auto* const status = failure ? nullptr : read.if_object();
  return foreign_text(status ? text_in(*status, {"message"}) : answer.body, words_most);
}

error refusal(const web_request& asked, const web_answer& answer, std::string_view right, const subject& of) {
  const auto path = asked.target.substr(0, asked.target.find('?'));
  auto text = fmt::format("{} {}: {}: {}", asked.method, path, answer.status, message_of(answer));
  switch (answer.status) {
    case 401:
      return {errc::bad_request, fmt::format("{}; the token of {} is not accepted: has it expired, or is it of another cluster?",
                                             text, of.token_file.native())};
    case 403: return {errc::bad_request, fmt::format("{}; the role of the service account lacks {}", text, right)};
    case 404:
      return {errc::not_found,
              fmt::format("{}; is there a deployment {} in the namespace {}?", text, of.deployment, of.name_space)};
    case 409: return {errc::conflict, text};
    case 429:
    case 503: return {errc::queue_full, text, answer.retry_after};
    default: return {answer.status < 500 ? errc::bad_request : errc::io_failed, text};
  }
}

}  // namespace

std::string api::deployment_path() const {
  return fmt::format("/apis/apps/v1/namespaces/{}/deployments/{}", encode_part(of_.name_space), encode_part(of_.deployment));
}

std::string api::pods_path() const { return fmt::format("/api/v1/namespaces/{}/pods", encode_part(of_.name_space)); }

/// A server that is busy says when to come back. It is heeded for a while.
result<web_answer> api::patiently(const web_request& request) {
  for (int i = 1;; ++i) {
    auto answer = server_->exchange(request);
    const bool is_busy = answer && answer->retry_after && (answer->status == 429 || answer->status == 503);
    if (!is_busy || i == tries_most || *answer->retry_after > wait_most) return answer;
    if (!server_->pause(*answer->retry_after)) return error{errc::stopping, "the node stops"};
  }
}

result<web_answer> api::ask(web_request request, std::string_view right) {
  if (!of_.token_file.empty()) {
    std::ifstream file{of_.token_file, std::ios::binary};
    std::string token(token_bytes_most, '\0');
    file.read(token.data(), static_cast<std::streamsize>(token.size()));
    token.resize(static_cast<std::size_t>(file.gcount()));
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.pop_back();
    if (token.empty() || std::ranges::any_of(token, [](unsigned char c) { return c <= ' ' || c > '~'; }))
      return error{errc::not_found,
                   fmt::format("{}: no token can be read there; is it the file of a service account?", of_.token_file.native())};
    request.bearer = std::move(token);
  }
  TROUPE_TRY(auto answer, patiently(request));
  if (answer.status < 200 || answer.status > 299) return refusal(request, answer, right, of_);
  return answer;
}

result<scale> api::get_scale() {
  TROUPE_TRY(const auto answer, ask({.target = deployment_path() + "/scale"}, "get on deployments/scale"));
  TROUPE_TRY(const auto read, object_from(answer, "the scale of the deployment"));
  scale s{number_in(read, {"spec", "replicas"}), text_in(read, {"metadata", "resourceVersion"}),
          text_in(read, {"status", "selector"})};
  if (s.resource_version.empty() || s.selector.empty())
    return error{errc::corrupt, "the scale of the deployment has no resourceVersion or no selector"};
  return s;
}

result<bool> api::put_scale(const scale& seen, int replicas) {
  const json::object body{
      {"apiVersion", "autoscaling/v1"},
      {"kind", "Scale"},
      {"metadata",
       json::object{{"name", of_.deployment}, {"namespace", of_.name_space}, {"resourceVersion", seen.resource_version}}},
      {"spec", json::object{{"replicas", replicas}}}};
  const auto done = ask({.method = "PUT",
                         .target = deployment_path() + "/scale",
                         .content_type = "application/json",
                         .body = json::serialize(body)},
                        "update on deployments/scale");
  if (done) return true;
  if (done.error().code == errc::conflict) return false;
  return done.error();
}

result<deployment> api::get_deployment() {
  TROUPE_TRY(const auto answer, ask({.target = deployment_path()}, "get on deployments"));
  TROUPE_TRY(const auto read, object_from(answer, "the deployment"));
  deployment d{number_in(read, {"status", "replicas"}), number_in(read, {"status", "updatedReplicas"}), ""};
  for (const auto& each : detail::list_in(read, {"status", "conditions"})) {
    const auto* const one = each.if_object();
    if (one && text_in(*one, {"type"}) == "ReplicaFailure" && text_in(*one, {"status"}) == "True")
      d.trouble = foreign_text(fmt::format("{}: {}", text_in(*one, {"reason"}), text_in(*one, {"message"})), words_most);
  }
  return d;
}

result<std::vector<pod>> api::list_pods(const std::string& selector) {
  std::vector<pod> all;
  std::string next;
  for (std::size_t i = 0; i < pages_most; ++i) {
    auto target = fmt::format("{}?labelSelector={}&limit={}", pods_path(), encode_part(selector), page);
    if (!next.empty()) target += "&continue=" + encode_part(next);
    TROUPE_TRY(const auto answer, ask({.target = std::move(target)}, "list on pods"));
    TROUPE_TRY(const auto read, object_from(answer, "the list of pods"));
    for (const auto& each : detail::list_in(read, {"items"})) {
      const auto* const item = each.if_object();
      auto one = item ? pod_from(*item) : pod{};
      if (one.name.empty() || one.name != foreign_text(one.name, name_most))
        return error{errc::corrupt, "the list of pods has one without a name, or with one that no pod may have"};
      all.push_back(std::move(one));
    }
    next = text_in(read, {"metadata", "continue"});
    if (next.empty()) return all;
  }
  return error{errc::too_large, fmt::format("more than {} pods match {}", page * pages_most, foreign_text(selector, words_most))};
}

result<void> api::set_deletion_cost(const std::string& pod, int cost) {
  const json::object body{
      {"metadata",
       json::object{{"annotations", json::object{{"controller.kubernetes.io/pod-deletion-cost", std::to_string(cost)}}}}}};
  TROUPE_CHECK(ask({.method = "PATCH",
                    .target = fmt::format("{}/{}", pods_path(), encode_part(pod)),
                    .content_type = "application/merge-patch+json",
                    .body = json::serialize(body)},
                   "patch on pods"));
  return {};
}

}  // namespace troupe::fleet::kubernetes
