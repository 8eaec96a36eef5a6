#include "support/disk/power_image.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <vector>

namespace troupe::test {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void give_up(const std::string& doing) {
  std::fprintf(stderr, "power_loss: cannot %s: %s\n", doing.c_str(), std::strerror(errno));
  std::_Exit(70);
}

/// A descriptor that closes itself. `close` and `open` of this library's own are harmless: they forget a descriptor that is not
/// known.
struct handle {
  explicit handle(int opened) : number(opened) {}
  ~handle() {
    if (number >= 0) ::close(number);
  }
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  int number;
};

std::string through_proc(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

std::string path_of(int descriptor) {
  std::array<char, 4096> buffer;
  const auto size = ::readlink(through_proc(descriptor).c_str(), buffer.data(), buffer.size());
  return size > 0 ? std::string{buffer.data(), static_cast<std::size_t>(size)} : std::string{};
}

}  // namespace

std::unique_ptr<power_image> power_image::make(const std::string& root, const std::string& place) {
  std::unique_ptr<power_image> made{new power_image{fs::weakly_canonical(root).native(), fs::weakly_canonical(place).native()}};
  fs::remove_all(made->place_);
  if (!fs::create_directories(made->place_ + "/files") || !fs::create_directories(made->place_ + "/tree"))
    give_up("make " + place);
  if (fs::exists(made->root_)) made->take_over(made->root_);
  return made;
}

power_image::power_image(std::string root, std::string place) : root_(std::move(root)), place_(std::move(place)) {}

bool power_image::is_inside(const std::string& path) const {
  return path == root_ || (path.size() > root_.size() && path.compare(0, root_.size(), root_) == 0 && path[root_.size()] == '/');
}

std::string power_image::image_of(const std::string& path) const { return place_ + "/tree" + path.substr(root_.size()); }

void power_image::take_over(const std::string& directory) {
  for (const auto& entry : fs::directory_iterator{directory}) {
    if (!entry.is_regular_file() || entry.is_symlink()) continue;
    const handle file{::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (file.number >= 0) sync(file.number);
  }
  sync_directory(directory);
  for (const auto& entry : fs::directory_iterator{directory})
    if (entry.is_directory() && !entry.is_symlink()) take_over(entry.path().native());
}

bool power_image::is_watched(int descriptor) { return watch(descriptor) != nullptr; }

power_image::watched* power_image::watch(int descriptor) {
  if (descriptor < 0 || static_cast<std::size_t>(descriptor) >= descriptors_.size()) return nullptr;
  auto& slot = descriptors_[static_cast<std::size_t>(descriptor)];
  if (auto* known = slot.load(std::memory_order_acquire)) return known == &elsewhere_ ? nullptr : known;
  struct stat found {};
  const bool is_ours = ::fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) && is_inside(path_of(descriptor));
  auto* file = is_ours ? &file_of(descriptor) : &elsewhere_;
  slot.store(file, std::memory_order_release);
  return is_ours ? file : nullptr;
}

power_image::watched& power_image::file_of(int descriptor) {
  identity who;
  struct statx found {};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &found) != 0) give_up("look at " + path_of(descriptor));
  who.inode = found.stx_ino;
  who.born_s = found.stx_btime.tv_sec;
  who.born_ns = found.stx_btime.tv_nsec;
  if (::ioctl(descriptor, FS_IOC_GETVERSION, &who.generation) != 0) who.generation = 0;  // not every file system has one
  const std::lock_guard lock{mutex_};
  auto& file = files_[who];
  if (!file) {
    file = std::make_unique<watched>();
    file->image = place_ + "/files/" + std::to_string(files_.size());
    const handle made{::open(file->image.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (made.number < 0) give_up("make " + file->image);
  }
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags >= 0 && (flags & (O_SYNC | O_DSYNC)) != 0) file->is_synchronous = true;
  return *file;
}

void power_image::wrote(int descriptor, off_t offset, std::size_t size) {
  auto* file = watch(descriptor);
  if (file == nullptr) return;
  {
    const std::lock_guard lock{file->mutex};
    const off_t end = offset + static_cast<off_t>(size);
    const bool is_clean = file->dirty_from == file->dirty_to;
    file->dirty_from = is_clean ? offset : std::min(file->dirty_from, offset);
    file->dirty_to = is_clean ? end : std::max(file->dirty_to, end);
  }
  if (file->is_synchronous) sync_file(descriptor, *file);
}

void power_image::changed_anywhere(int descriptor) {
  auto* file = watch(descriptor);
  if (file == nullptr) return;
  const std::lock_guard lock{file->mutex};
  file->is_all_dirty = true;
}

void power_image::forget(int descriptor) {
  if (descriptor >= 0 && static_cast<std::size_t>(descriptor) < descriptors_.size())
    descriptors_[static_cast<std::size_t>(descriptor)].store(nullptr, std::memory_order_release);
}

void power_image::sync(int descriptor) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) return;  // the caller hears of it
  const auto path = path_of(descriptor);
  if (S_ISDIR(found.st_mode) && is_inside(path)) return sync_directory(path);
  if (!S_ISREG(found.st_mode)) return;
  forget(descriptor);  // a stale meaning would lose data here
  if (auto* file = watch(descriptor)) sync_file(descriptor, *file);
}

void power_image::sync_file(int descriptor, watched& file) {
  const std::lock_guard lock{file.mutex};
  // The caller's descriptor may be for writing only.
  const handle from{::open(through_proc(descriptor).c_str(), O_RDONLY | O_CLOEXEC)};
  const handle to{::open(file.image.c_str(), O_WRONLY | O_CLOEXEC)};
  struct stat found {};
  if (from.number < 0 || to.number < 0 || ::fstat(from.number, &found) != 0) give_up("copy " + path_of(descriptor));
  off_t at = file.is_all_dirty ? 0 : file.dirty_from;
  const off_t end = file.is_all_dirty ? found.st_size : std::min(file.dirty_to, found.st_size);
  std::vector<char> buffer(1 << 16);
  while (at < end) {
    const auto count =
        ::pread(from.number, buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at)), at);
    if (count < 0) give_up("read " + path_of(descriptor));
    if (count == 0) break;  // it was cut meanwhile
    if (::pwrite(to.number, buffer.data(), static_cast<std::size_t>(count), at) != count) give_up("write " + file.image);
    at += count;
  }
  if (::ftruncate(to.number, found.st_size) != 0) give_up("cut " + file.image);
  ::fchmod(to.number, found.st_mode & 07777);  // a copy with other rights is still the content
  file.dirty_from = file.dirty_to = 0;
  file.is_all_dirty = false;
}

void power_image::put_name(const std::string& from, const std::string& to) {
  const auto temporary = place_ + "/name";
  ::unlink(temporary.c_str());
  // A name that is there stays or is replaced in one step, as on a disk with a log.
  if (::link(from.c_str(), temporary.c_str()) != 0 || ::rename(temporary.c_str(), to.c_str()) != 0) give_up("name " + to);
  ::unlink(temporary.c_str());  // rename does nothing if both are the same file
}

/// Where the durable entries of a directory wait whose own name is not durable yet: nobody can reach them before it is.
std::string power_image::waiting_room_of(const std::string& directory) const {
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0) give_up("look at " + directory);
  return place_ + "/unreachable/" + std::to_string(found.st_ino);
}

void power_image::sync_directory(const std::string& directory) {
  // One at a time: a list of names that another sync has overtaken would take back what that one made durable.
  const std::lock_guard one_at_a_time{directories_};
  auto image = image_of(directory);
  std::error_code failed;
  if (!fs::is_directory(image, failed)) {
    image = waiting_room_of(directory);
    fs::create_directories(image, failed);
  }
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator{directory, failed}) {
    const auto name = entry.path().filename().native();
    const auto target = image + "/" + name;
    if (entry.is_symlink(failed)) {
      fs::remove(target, failed);
      fs::copy_symlink(entry.path(), target, failed);
    } else if (entry.is_directory(failed)) {
      // What was synced in it before its name was now comes into reach.
      if (!fs::is_directory(target, failed)) fs::rename(waiting_room_of(entry.path().native()), target, failed);
      fs::create_directory(target, failed);
    } else if (entry.is_regular_file(failed)) {
      const handle file{::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
      if (file.number < 0) continue;  // removed meanwhile
      const auto& held = file_of(file.number);
      put_name(held.image, target);
    } else {
      continue;
    }
    names.insert(name);
  }
  std::vector<fs::path> gone;
  for (const auto& entry : fs::directory_iterator{image, failed})
    if (!names.contains(entry.path().filename().native())) gone.push_back(entry.path());
  for (const auto& path : gone) fs::remove_all(path, failed);
}

}  // namespace troupe::test
