#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace troupe {

/// Why something did not happen. A new value needs a caller that acts on it differently, and stands last: nodes tell each other
/// the numbers.
enum class errc : std::uint8_t {
  none,
  bad_request,     ///< the input is wrong; the same input will fail again
  not_found,       ///< no such job, artifact, pipeline, file
  conflict,        ///< same idempotency key with another body; an action that the state does not allow
  not_leader,      ///< this replica cannot decide; another one can
  queue_full,      ///< a bound was reached; try again after `retry_after`
  no_space,        ///< the disk (or a quota) is full
  too_large,       ///< over a size limit
  timed_out,       ///< a deadline passed
  stopping,        ///< the node is shutting down
  process_failed,  ///< a child process crashed, was killed or answered nonsense
  corrupt,         ///< stored or received bytes are not what they must be
  io_failed,       ///< the operating system refused; the node cannot go on with this file
  internal,        ///< a bug here, caught at a boundary
  degraded         ///< the cluster is at its limit and takes better jobs only; try again after `retry_after`
};

/// The name of a code as it stands in JSON and logs.
[[nodiscard]] const char* to_string(errc code) noexcept;

/// `code` is for programs, `detail` for people: what, where, what to do.
struct error {
  errc code = errc::none;
  std::string detail;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;

  friend bool operator==(const error&, const error&) = default;
};

/// "code: detail", for logs and the command line.
[[nodiscard]] std::string to_string(const error& e);

/// What `result<T>::value()` throws when there is none: a broken assumption of the caller.
struct bad_result : std::runtime_error {
  explicit bad_result(error what);
  error why;
};
[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& where);

template <class T>
using result = boost::system::result<T, error>;

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* why, const char* file, int line) noexcept;
}

}  // namespace troupe

/// A broken assumption, not an error: on in release builds too. The process stops; its peers or its next start take over.
#define TROUPE_ASSERT(condition, why) \
  ((condition) ? static_cast<void>(0) : ::troupe::detail::assertion_failed(#condition, why, __FILE__, __LINE__))

/// Hands an error up: `TROUPE_TRY(auto x, f());` leaves the function with the error of `f()`, or names its value.
#define TROUPE_TRY(declaration, expression) TROUPE_TRY_IMPL(TROUPE_CONCAT(troupe_result_, __LINE__), declaration, expression)
#define TROUPE_TRY_IMPL(name, declaration, expression) \
  auto name = (expression);                            \
  if (!name) return std::move(name).error();           \
  declaration = std::move(*name)
/// The same for `result<void>`.
#define TROUPE_CHECK(expression)                                                                       \
  do {                                                                                                 \
    if (auto troupe_checked = (expression); !troupe_checked) return std::move(troupe_checked).error(); \
  } while (false)
#define TROUPE_CONCAT(a, b) TROUPE_CONCAT_IMPL(a, b)
#define TROUPE_CONCAT_IMPL(a, b) a##b
