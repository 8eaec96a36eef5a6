#include "persistence/journal/synced_mark.hpp"

#include "base/log.hpp"
#include "persistence/journal/checksum.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace troupe::journal {
namespace {

// number, checksum: each eight little-endian bytes, so that the whole lies in one sector.
using image = std::array<unsigned char, 16>;

void put(image& to, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) to[at + i] = static_cast<unsigned char>(value >> (8 * i));
}

std::uint64_t get(const image& from, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= std::uint64_t{from[at + i]} << (8 * i);
  return value;
}

}  // namespace

result<synced_mark> synced_mark::open(const std::filesystem::path& path) {
  TROUPE_TRY(auto held, disk::open(path, O_RDWR | O_CREAT, 0640));
  synced_mark mark{path, std::move(held)};
  image found{};
  const auto size = ::pread(mark.file_.descriptor(), found.data(), found.size(), 0);
  if (size < 0) return disk::failure(errno, "cannot read", path);
  if (size == 0) return mark;
  const auto number = get(found, 0);
  if (static_cast<std::size_t>(size) == found.size() && checksum{}.add(number).value() == get(found, 8))
    mark.found_ = number;
  else
    log::warn("journal_mark_damaged", "path={} why=\"a lost tail of the journal cannot be told this time\"", path.native());
  return mark;
}

result<void> synced_mark::set(std::uint64_t number) {
  image content{};
  put(content, 0, number);
  put(content, 8, checksum{}.add(number).value());
  if (::pwrite(file_.descriptor(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
    return disk::failure(errno, "cannot write", path_);
  return {};
}

}  // namespace troupe::journal
