#include "http/json/certificate.hpp"

#include "http/json/writer.hpp"
#include "http/peer_hello.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

namespace troupe::http::json {

namespace bj = boost::json;

namespace {

bj::object parse(std::string_view text) {
  bj::parse_options options;
  options.max_depth = 4;
  boost::system::error_code failure;
  auto value = bj::parse({text.data(), text.size()}, failure, {}, options);
  return failure || !value.is_object() ? bj::object{} : std::move(value.get_object());
}

/// Empty if there is no such text.
std::string text_of(const bj::object& in, std::string_view name) {
  const auto* const found = in.if_contains({name.data(), name.size()});
  const auto* const text = found ? found->if_string() : nullptr;
  return text ? std::string{text->data(), text->size()} : std::string{};
}

}  // namespace

std::string to_json(const certificate_request& asked) {
  std::string out;
  writer json{out};
  json.begin_object();
  json.member("request", asked.request);
  if (!asked.token_id.empty()) {
    json.member("token_id", asked.token_id);
    json.member("token_secret", asked.token_secret);
  }
  json.end_object();
  return out;
}

result<certificate_request> read_certificate_request(std::string_view text) {
  const auto in = parse(text);
  certificate_request out{text_of(in, "request"), text_of(in, "token_id"), text_of(in, "token_secret")};
  if (out.request.empty())
    return error{errc::bad_request, "the body must be a JSON object with `request`, a signing request as PEM text"};
  return out;
}

std::string to_json(const auth::granted& what) {
  std::string out;
  writer json{out};
  json.begin_object();
  json.member("certificate", what.certificate);
  json.member("authority", what.authority);
  json.member("admin_key_sha256", what.admin_key);
  json.end_object();
  return out;
}

result<auth::granted> read_granted(std::string_view text) {
  const auto in = parse(text);
  const auto admin = digest::from_hex(text_of(in, "admin_key_sha256"));
  if (!admin) return error{errc::corrupt, "an answer that grants no certificate"};
  return auth::granted{text_of(in, "certificate"), text_of(in, "authority"), *admin};
}

std::string detail_of_problem(std::string_view text, int status) {
  const auto detail = text_of(parse(text), "detail");
  return detail.empty() ? fmt::format("it answers {} to the request for a certificate", status) : printable(detail);
}

}  // namespace troupe::http::json
