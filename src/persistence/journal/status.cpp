#include "persistence/journal/status.hpp"

#include <fmt/format.h>

namespace troupe::journal {
namespace {

errc code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return errc::no_space;
  if (status.IsCorruption()) return errc::corrupt;
  if (status.IsIOError()) return errc::io_failed;
  return errc::internal;  // the others tell of a wrong call
}

}  // namespace

error to_error(const rocksdb::Status& status, std::string_view doing) {
  return error{code_of(status), fmt::format("{}: {}", doing, status.ToString())};
}

}  // namespace troupe::journal
