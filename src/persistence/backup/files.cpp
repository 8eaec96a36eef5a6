#include "persistence/backup/files.hpp"

#include "persistence/disk/disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace troupe::backup {

result<void> read_pieces(const std::filesystem::path& path, const std::function<result<void>(std::string_view)>& take) {
  TROUPE_TRY(const auto from, disk::open(path, O_RDONLY));
  std::string buffer(1 << 20, '\0');
  while (true) {
    const auto count = ::read(from.descriptor(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk::failure(errno, "cannot read", path);
    if (count == 0) return {};
    TROUPE_CHECK(take(std::string_view{buffer}.substr(0, static_cast<std::size_t>(count))));
  }
}

result<file_facts> facts_of(const std::filesystem::path& path) {
  file_facts found;
  sha256 hash;
  TROUPE_CHECK(read_pieces(path, [&](std::string_view piece) -> result<void> {
    found.size += piece.size();
    hash.update(piece);
    return {};
  }));
  found.sha256 = hash.finish();
  return found;
}

}  // namespace troupe::backup
