#pragma once

#include "base/error.hpp"
#include "cli/failure.hpp"

#include <utility>

namespace troupe::cli {

/// What an error with files of this machine means for the program's exit status.
[[nodiscard]] inline failure failure_of_file(const error& why) {
  const bool is_wrong_place = why.code == errc::conflict || why.code == errc::bad_request;
  return {is_wrong_place ? exit_code::usage : exit_code::local_file, why.detail};
}

template <class T>
[[nodiscard]] outcome<T> local(result<T> of) {
  if (!of) return failure_of_file(of.error());
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return std::move(*of);
}

}  // namespace troupe::cli
