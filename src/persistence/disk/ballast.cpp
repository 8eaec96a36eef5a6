#include "persistence/disk/ballast.hpp"

#include "persistence/disk/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace troupe::disk {

ballast::ballast(std::filesystem::path path, bytes size, bytes keep_free)
    : path_(std::move(path)), size_(size), keep_free_(keep_free) {
  struct stat found {};
  is_there_ = ::stat(path_.c_str(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) == size_.count();
}

result<void> ballast::keep(bytes free) {
  if (size_.count() == 0) {
    give_up();  // an earlier start may have had one
    return {};
  }
  const bool is_spent = !is_there_ && free < size_;  // what it freed is being used, maybe since an earlier start
  if (is_spent || free.count() < size_.count() / 4) {
    give_up();
    is_full_ = true;
    return {};
  }
  if (is_there_ || free < size_ + size_ + keep_free_) return {};
  TROUPE_CHECK(make());
  is_there_ = true;
  is_full_ = false;
  return {};
}

void ballast::give_up() noexcept {
  ::unlink(path_.c_str());
  is_there_ = false;
}

result<void> ballast::make() {
  auto made = [&]() -> result<void> {
    TROUPE_TRY(const auto to, open(path_, O_WRONLY | O_CREAT | O_TRUNC, 0640));
    if (const int failed = ::posix_fallocate(to.descriptor(), 0, static_cast<off_t>(size_.count())); failed != 0)
      return failure(failed, "cannot take the room of", path_);
    return sync(to, path_);
  }();
  if (!made) ::unlink(path_.c_str());
  return made;
}

result<bytes> free_space(const std::filesystem::path& path) {
  std::error_code failed;
  const auto free = std::filesystem::space(path, failed).available;
  if (failed) return failure(failed.value(), "cannot ask for the free space of", path);
  return bytes{free};
}

}  // namespace troupe::disk
