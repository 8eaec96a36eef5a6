#pragma once

#include <fmt/format.h>

#include <string_view>

namespace troupe::log {

enum class level { debug, info, warn, error };

/// Sets what is written to standard error. Call once, before the threads start.
void start(level least);
[[nodiscard]] bool enabled(level at) noexcept;
void write(level at, std::string_view line);

/// A log line is an event name, then `key=value` with ids: `log::info("job_submitted", "job={} pipeline={}", id, name)`.
template <class... Args>
void emit(level at, std::string_view event, fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(at)) write(at, fmt::format("{} {}", event, fmt::format(text, std::forward<Args>(args)...)));
}
template <class... Args>
void debug(std::string_view event, fmt::format_string<Args...> text, Args&&... args) {
  emit(level::debug, event, text, std::forward<Args>(args)...);
}
template <class... Args>
void info(std::string_view event, fmt::format_string<Args...> text, Args&&... args) {
  emit(level::info, event, text, std::forward<Args>(args)...);
}
template <class... Args>
void warn(std::string_view event, fmt::format_string<Args...> text, Args&&... args) {
  emit(level::warn, event, text, std::forward<Args>(args)...);
}
template <class... Args>
void error(std::string_view event, fmt::format_string<Args...> text, Args&&... args) {
  emit(level::error, event, text, std::forward<Args>(args)...);
}

}  // namespace troupe::log
