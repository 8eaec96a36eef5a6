#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::cli {

/// What the program's exit status says. Documented in `troupe --help` and docs/operations.md: scripts rely on them.
enum class exit_code : int {
  ok = 0,
  job_failed = 1,     ///< the job ended as failed or dead
  usage = 2,          ///< wrong arguments, wrong configuration
  unreachable = 3,    ///< no answer from the node
  refused = 4,        ///< the node says the request is wrong or too much (4xx)
  node_failed = 5,    ///< the node could not (5xx, or an answer that makes no sense)
  job_cancelled = 6,  ///< the job ended as cancelled
  local_file = 7,     ///< a file here cannot be read or written
  interrupted = 130   ///< Ctrl-C or SIGTERM
};

/// Why a command ends badly: the exit status for programs, the detail for people.
struct failure {
  failure() = default;  // for `outcome`, which wants to name the error of a success
  /// Not an aggregate: an exit code alone must not count as a failure, or `outcome<exit_code>` would be ambiguous.
  failure(exit_code why, std::string what, bool for_good = false) : code(why), detail(std::move(what)), is_final(for_good) {}
  exit_code code = exit_code::ok;
  std::string detail;
  bool is_final = false;  ///< the same try cannot go better later
  /// Whether to try again: nobody answered, which may pass.
  [[nodiscard]] bool may_pass() const noexcept { return code == exit_code::unreachable && !is_final; }
};

/// What `outcome<T>::value()` throws when there is none: a broken assumption of the caller.
[[noreturn]] inline void throw_exception_from_error(const failure& why, const boost::source_location&) {
  throw std::logic_error{"the value of a failed outcome was taken: " + why.detail};
}

template <class T>
using outcome = boost::system::result<T, failure>;

}  // namespace troupe::cli
