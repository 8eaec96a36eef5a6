#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/render.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace troupe::cli {

outcome<exit_code> run_nodes(const global_options& global) {
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(const auto about, node.call({.target = "/v1/node"}));
  if (global.json) {
    fmt::print("{}\n", json::serialize(about));
    return exit_code::ok;
  }
  const auto own_id = text_at(about, "id");
  const auto* members = array_at(about, "members");
  fmt::print("  {:<16}  {:<24}  {:<8}  {}\n", "NODE", "ADDRESS", "ROLE", "STARTS");
  for (std::size_t i = 0; members && i < members->size(); ++i) {
    if (!(*members)[i].is_object()) continue;
    const auto& member = (*members)[i].get_object();
    const auto id = text_at(member, "id");
    fmt::print("{} {:<16}  {:<24}  {:<8}  {}\n", id == own_id ? '*' : ' ', fit(id, 16), fit(text_at(member, "address"), 24),
               fit(text_at(member, "role"), 8), fit(text_at(member, "incarnation"), 16));
  }
  return exit_code::ok;
}

}  // namespace troupe::cli
