#include "http/inspection/watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::inspection {

bool is_path(std::string_view path) {
  const auto node = path.substr(0, path.find('/'));
  const auto is_hex = [](unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return path.size() <= 200 && node.size() == 16 && std::ranges::all_of(node, is_hex) && std::ranges::count(path, '/') <= 2
         && !path.ends_with('/');
}

result<void> check(const watch& wanted) {
  const auto bad = [](std::string detail) { return error{errc::bad_request, std::move(detail)}; };
  if (const auto most = wanted.is_of_node_alone ? open_most_of_node : open_most; wanted.open.size() > most)
    return bad(fmt::format("`open` has {} paths; at most {} are possible", wanted.open.size(), most));
  if (!std::ranges::all_of(wanted.open, is_path))
    return bad("a path is NODE, NODE/KIND or NODE/KIND/NAME, NODE with 16 hexadecimal digits");
  if (!(wanted.hz >= hz_least && wanted.hz <= hz_most)) return bad("`hz` must be 1 to 10");
  if (wanted.most < 1 || wanted.most > members_most) return bad("`most` must be 1 to 2000");
  return {};
}

}  // namespace troupe::http::inspection
