#include "base/error.hpp"
#include "cli/commands.hpp"
#include "cli/units_text.hpp"
#include "http/auth/ca_directory.hpp"

#include <fmt/format.h>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstdio>

namespace troupe::cli {
namespace {

constexpr duration token_lasts_least = 1s, token_lasts_most = std::chrono::hours{24 * 7};

timestamp now() { return std::chrono::time_point_cast<duration>(std::chrono::system_clock::now()); }

failure failed(const error& why) {
  return {why.code == errc::conflict || why.code == errc::bad_request ? exit_code::usage : exit_code::local_file, why.detail};
}

}  // namespace

outcome<exit_code> run_cluster_init(const global_options& global, const std::string& directory) {
  const auto key = auth::ca_directory::init(directory, now());
  if (!key) return failed(key.error());
  if (global.json) {
    fmt::print("{}\n", json::serialize(json::object{{"directory", directory}, {"api_key", *key}}));
    return exit_code::ok;
  }
  fmt::print("{}\n", *key);
  const auto next = fmt::format(
      "troupe: {0} holds the cluster's authority: keep it secret, and keep a copy. Above is the API key; it is shown only now.\n"
      "  first node:    troupe node --listen ADDRESS:4700 --set tls.ca_directory={0}\n"
      "  another node:  troupe node --listen ADDRESS:4700 --seed FIRST:4700 --join-token \"$(troupe cluster token --dir {0})\"\n"
      "  clients:       TROUPE_KEY=KEY troupe --url https://ADDRESS:4700 --ca {0}/ca.crt nodes\n",
      directory);
  std::fputs(next.c_str(), stderr);
  return exit_code::ok;
}

outcome<exit_code> run_cluster_token(const global_options& global, const std::string& directory, const std::string& lasts) {
  const auto given = parse_duration(lasts);
  if (!given || *given < token_lasts_least || *given > token_lasts_most) {
    return failure{exit_code::usage, fmt::format("--ttl '{}': a duration, {} to {}", lasts, format_duration(token_lasts_least),
                                                 format_duration(token_lasts_most))};
  }
  const auto authority = auth::ca_directory::open(directory);
  if (!authority) return failed(authority.error());
  const auto token = authority->make_token(*given, now());
  if (!token) return failed(token.error());
  const auto text = auth::to_text(*token);
  if (global.json) {
    fmt::print("{}\n", json::serialize(json::object{{"token", text}, {"lasts_ms", given->count()}}));
    return exit_code::ok;
  }
  fmt::print("{}\n", text);
  std::fputs(fmt::format("troupe: good for one node, for {}\n", format_duration(*given)).c_str(), stderr);
  return exit_code::ok;
}

}  // namespace troupe::cli
