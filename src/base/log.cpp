#include "base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace troupe::log {
namespace {

spdlog::level::level_enum to_spdlog(level at) noexcept {
  switch (at) {
    case level::debug: return spdlog::level::debug;
    case level::info: return spdlog::level::info;
    case level::warn: return spdlog::level::warn;
    case level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("troupe");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *instance;
}

}  // namespace

void start(level least) { logger().set_level(to_spdlog(least)); }

bool enabled(level at) noexcept { return logger().should_log(to_spdlog(at)); }

void write(level at, std::string_view line) { logger().log(to_spdlog(at), line); }

}  // namespace troupe::log
