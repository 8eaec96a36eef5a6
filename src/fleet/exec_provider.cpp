#include "fleet/exec_provider.hpp"

#include "base/child_process.hpp"
#include "fleet/foreign_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace troupe::fleet {
namespace {

constexpr std::size_t output_most = 4 << 20, machines_most = 10'000, name_most = 63;

bool is_name(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= name_most && std::ranges::all_of(text, allowed);
}

}  // namespace

result<std::string> exec_provider::run(std::vector<std::string> arguments) const {
  auto words = command_;
  words.insert(words.end(), arguments.begin(), arguments.end());
  TROUPE_TRY(auto ended, run_child(words, {.time = time_, .output_most = output_most, .stop_fd = stop_fd_}));
  if (ended.signal)
    return error{errc::process_failed, fmt::format("{}: ended by signal {}", fmt::join(words, " "), *ended.signal)};
  if (ended.status != 0) return error{errc::process_failed, fmt::format("{}: status {}", fmt::join(words, " "), ended.status)};
  return std::move(ended.output);
}

result<void> exec_provider::order(int count, const std::string& seed) {
  TROUPE_CHECK(run({"order", std::to_string(count), seed}));
  return {};
}

result<std::vector<provided>> exec_provider::list() {
  TROUPE_TRY(const auto output, run({"list"}));
  std::vector<provided> all;
  std::istringstream lines{output};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    provided one;
    if (!(words >> one.name)) continue;
    words >> one.address;
    if (!is_name(one.name) || all.size() >= machines_most)
      return error{errc::corrupt,
                   fmt::format("{} list: '{}' is no machine; a line is NAME [HOST:PORT], at most {} lines, a name has 1 to "
                               "{} letters, digits, '-', '_', '.'",
                               fmt::join(command_, " "), foreign_text(line, 80), machines_most, name_most)};
    all.push_back(std::move(one));
  }
  return all;
}

result<void> exec_provider::give_back(const std::string& name) {
  TROUPE_CHECK(run({"give-back", name}));
  return {};
}

}  // namespace troupe::fleet
