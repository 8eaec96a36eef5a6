#include "base/digest.hpp"
#include "http/embedded.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace troupe::http::endpoints {
namespace {

const embedded_file* find_file(std::string_view name) {
  const auto files = embedded_files();
  const auto at = std::ranges::find(files, name, &embedded_file::name);
  return at == files.end() ? nullptr : &*at;
}

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/json";
}

const std::string& etag_of_file(std::string_view name) {
  static const auto tags = [] {
    std::map<std::string, std::string, std::less<>> made;
    for (const auto& file : embedded_files())
      made[std::string{file.name}] = fmt::format("\"{}\"", sha256_of(file.content).hex().substr(0, 16));
    return made;
  }();
  return tags.find(name)->second;
}

response file_answer(const request& in, std::string_view name) {
  const auto* file = find_file(name);
  if (!file) return problem(error{errc::not_found, "there is no such page"});
  response out;
  const auto& tag = etag_of_file(name);
  out.with("ETag", tag).with("Cache-Control", "no-cache");
  if (const auto* known = in.find_header("If-None-Match"); known && names_etag(*known, tag)) {
    out.status = 304;
    return out;
  }
  out.content_type = content_type_of(name);
  out.body = file->content;
  return out;
}

/// The file for a path. A program that was built without Node.js has no inspector: the plain page stands there.
std::string_view file_for(std::string_view path) {
  if (path == "/") return "index.html";
  if (path != "/inspector") return path.substr(1);
  const auto* const inspector = find_file("inspector.html");
  return inspector && !inspector->content.empty() ? inspector->name : "index.html";
}

}  // namespace

awaitable<response> page(exchange& x) {
  auto out = file_answer(x.in, file_for(x.in.path));
  // Nothing but what this server itself sends may run, load or frame the page.
  out.with("Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src "
           "'self'; "
           "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  out.with("Referrer-Policy", "no-referrer").with("Cross-Origin-Opener-Policy", "same-origin");
  co_return out;
}

awaitable<response> openapi(exchange& x) { co_return file_answer(x.in, "openapi.json"); }

}  // namespace troupe::http::endpoints
