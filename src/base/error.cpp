#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe {

const char* to_string(errc code) noexcept {
  switch (code) {
    case errc::none: return "none";
    case errc::bad_request: return "bad_request";
    case errc::not_found: return "not_found";
    case errc::conflict: return "conflict";
    case errc::not_leader: return "not_leader";
    case errc::queue_full: return "queue_full";
    case errc::degraded: return "degraded";
    case errc::no_space: return "no_space";
    case errc::too_large: return "too_large";
    case errc::timed_out: return "timed_out";
    case errc::stopping: return "stopping";
    case errc::process_failed: return "process_failed";
    case errc::corrupt: return "corrupt";
    case errc::io_failed: return "io_failed";
    case errc::internal: return "internal";
  }
  return "unknown";
}

std::string to_string(const error& e) { return std::string{to_string(e.code)} + ": " + e.detail; }

bad_result::bad_result(error what) : std::runtime_error(to_string(what)), why(std::move(what)) {}

void throw_exception_from_error(const error& e, const boost::source_location&) { throw bad_result{e}; }

namespace detail {

void assertion_failed(const char* condition, const char* why, const char* file, int line) noexcept {
  std::fprintf(stderr, "troupe: broken assumption at %s:%d: %s (%s)\n", file, line, condition, why);
  std::abort();
}

}  // namespace detail
}  // namespace troupe
