// A library to preload (LD_PRELOAD) that keeps, beside a directory tree, what of it would be there after a power loss:
//   TROUPE_POWER_LOSS_ROOT   the tree to watch, absolute
//   TROUPE_POWER_LOSS_IMAGE  a directory on the same file system; IMAGE/tree is the disk after the power loss, at any moment
// A file's content there is that of its last fsync, fdatasync or write with O_SYNC/O_DSYNC; a directory's entries are those of
// its last fsync. So a file whose directory was never synced is missing, a rename in such a directory has not happened, and a
// name that is durable of a file that is not leads to an empty file. sync_file_range, syncfs and sync count for nothing. Writes
// through mapped memory are seen when the file is synced for the first time only. A renamed directory is empty until it is synced
// itself. What is in the tree when the process starts counts as durable. After a kill -9, move IMAGE/tree to where the tree was
// and start again. Children of the process are not watched.
#include "support/disk/interposed_open.hpp"
#include "support/disk/power_image.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

using troupe::test::power_image;

power_image* image = nullptr;  // never freed: other threads write until the process is gone

__attribute__((constructor)) void start() {
  const char* root = std::getenv("TROUPE_POWER_LOSS_ROOT");
  const char* place = std::getenv("TROUPE_POWER_LOSS_IMAGE");
  if (root == nullptr || place == nullptr || std::getenv("TROUPE_POWER_LOSS_OWNER") != nullptr) return;
  ::setenv("TROUPE_POWER_LOSS_OWNER", "this process", 1);  // its children only write files, they do not promise anything
  image = power_image::make(root, place).release();
  ::pthread_atfork(nullptr, nullptr, [] { image = nullptr; });
}

/// Tells the image of a write that is done. Keeps errno.
void wrote(int descriptor, off_t offset, ssize_t size) {
  if (image == nullptr || size <= 0) return;
  const int saved = errno;
  image->wrote(descriptor, offset, static_cast<std::size_t>(size));
  errno = saved;
}

/// The same for a write at the file's position, which has moved behind it.
void wrote_here(int descriptor, ssize_t size) {
  if (image == nullptr || size <= 0 || !image->is_watched(descriptor)) return;
  const int saved = errno;
  const off_t end = ::lseek(descriptor, 0, SEEK_CUR);
  errno = saved;
  if (end >= size) wrote(descriptor, end - size, size);
}

void changed_anywhere(int descriptor) {
  if (image == nullptr) return;
  const int saved = errno;
  image->changed_anywhere(descriptor);
  errno = saved;
}

/// The content as it is when a sync begins is what the sync promises.
void will_sync(int descriptor) {
  if (image == nullptr) return;
  const int saved = errno;
  image->sync(descriptor);
  errno = saved;
}

}  // namespace

static int opened(int descriptor) {
  if (image != nullptr && descriptor >= 0) image->forget(descriptor);
  return descriptor;
}

extern "C" {

int close(int descriptor) {
  TROUPE_REAL(close);
  if (image != nullptr) image->forget(descriptor);
  return next(descriptor);
}
int dup2(int from, int to) {
  TROUPE_REAL(dup2);
  if (image != nullptr) image->forget(to);
  return next(from, to);
}
int dup3(int from, int to, int flags) noexcept {
  TROUPE_REAL(dup3);
  if (image != nullptr) image->forget(to);
  return next(from, to, flags);
}

ssize_t write(int descriptor, const void* data, size_t size) {
  TROUPE_REAL(write);
  const auto done = next(descriptor, data, size);
  wrote_here(descriptor, done);
  return done;
}
ssize_t writev(int descriptor, const iovec* parts, int count) {
  TROUPE_REAL(writev);
  const auto done = next(descriptor, parts, count);
  wrote_here(descriptor, done);
  return done;
}
ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  TROUPE_REAL(pwrite);
  const auto done = next(descriptor, data, size, offset);
  wrote(descriptor, offset, done);
  return done;
}
ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  TROUPE_REAL(pwrite64);
  const auto done = next(descriptor, data, size, offset);
  wrote(descriptor, offset, done);
  return done;
}
ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  TROUPE_REAL(pwritev);
  const auto done = next(descriptor, parts, count, offset);
  wrote(descriptor, offset, done);
  return done;
}
ssize_t copy_file_range(int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags) {
  TROUPE_REAL(copy_file_range);
  const auto done = next(from, from_at, to, to_at, size, flags);
  changed_anywhere(to);
  return done;
}
ssize_t sendfile(int to, int from, off_t* offset, size_t size) noexcept {
  TROUPE_REAL(sendfile);
  const auto done = next(to, from, offset, size);
  changed_anywhere(to);
  return done;
}
ssize_t sendfile64(int to, int from, off64_t* offset, size_t size) noexcept {
  TROUPE_REAL(sendfile64);
  const auto done = next(to, from, offset, size);
  changed_anywhere(to);
  return done;
}
int ftruncate(int descriptor, off_t size) noexcept {
  TROUPE_REAL(ftruncate);
  const auto done = next(descriptor, size);
  changed_anywhere(descriptor);
  return done;
}
int ftruncate64(int descriptor, off64_t size) noexcept {
  TROUPE_REAL(ftruncate64);
  const auto done = next(descriptor, size);
  changed_anywhere(descriptor);
  return done;
}
int fallocate(int descriptor, int mode, off_t offset, off_t size) {
  TROUPE_REAL(fallocate);
  const auto done = next(descriptor, mode, offset, size);
  if (mode != FALLOC_FL_KEEP_SIZE) changed_anywhere(descriptor);
  return done;
}
int fallocate64(int descriptor, int mode, off64_t offset, off64_t size) {
  TROUPE_REAL(fallocate64);
  const auto done = next(descriptor, mode, offset, size);
  if (mode != FALLOC_FL_KEEP_SIZE) changed_anywhere(descriptor);
  return done;
}
int fsync(int descriptor) {
  TROUPE_REAL(fsync);
  will_sync(descriptor);
  return next(descriptor);
}
int fdatasync(int descriptor) {
  TROUPE_REAL(fdatasync);
  will_sync(descriptor);
  return next(descriptor);
}

}  // extern "C"
