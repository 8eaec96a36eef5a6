// A library to preload (LD_PRELOAD) that records when a process wrote and synced its journal and when it sent answers:
//   TROUPE_SYNC_TRACE            the file to write
//   TROUPE_SYNC_TRACE_DIRECTORY  the journal's directory, absolute: files below it are traced with all their bytes
//   TROUPE_SYNC_TRACE_MAX_MIB    size of the trace, 2048 by default; the file is sparse
// On TCP sockets the first 1,024 bytes of each send are kept. tests/e2e/check_sync_trace.py reads the trace.
//
// The file is mapped, so nothing is lost when the process is killed. It begins with "TRPSYNC1"; then come events, each padded to
// eight bytes: kind, descriptor, bytes that follow, thread (32 bits each), begin and end in monotonic nanoseconds, offset (64
// bits each), then the bytes. Kind 0: the end. 1: a descriptor's path. 2: write to a file. 3: sync of a file. 4: send. 5: the
// trace was too small.
#include "support/disk/interposed_open.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

enum class kind : std::uint32_t { end, path, write, sync, send, full };
enum class meaning : std::uint8_t { unknown, elsewhere, journal, socket };

struct event {
  std::uint32_t what = 0, descriptor = 0, size = 0, thread = 0;
  std::uint64_t begin = 0, end = 0, offset = 0;
};
static_assert(sizeof(event) == 40);

constexpr std::size_t send_bytes_max = 1024;

char* trace = nullptr;
std::size_t trace_size = 0;
std::atomic<std::size_t> next_event = 8;
std::string directory;
std::array<std::atomic<meaning>, 65536> meanings{};

std::uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Reserves room for an event and writes it; its kind goes last, so that a reader never takes half of one.
void record(kind what, int descriptor, std::uint64_t begin, std::uint64_t end, std::uint64_t offset, const iovec* parts,
            int count, std::size_t limit) {
  thread_local const auto thread = static_cast<std::uint32_t>(::syscall(SYS_gettid));
  std::size_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  size = std::min(size, limit);
  const auto room = sizeof(event) + (size + 7) / 8 * 8;
  const auto at = next_event.fetch_add(room);
  if (at + room + sizeof(event) > trace_size) {
    const auto too_small = static_cast<std::uint32_t>(kind::full);
    if (at + sizeof(event) <= trace_size) std::memcpy(trace + at, &too_small, sizeof too_small);
    return;
  }
  const event head{0, static_cast<std::uint32_t>(descriptor), static_cast<std::uint32_t>(size), thread, begin, end, offset};
  std::memcpy(trace + at, &head, sizeof head);
  auto* to = trace + at + sizeof head;
  for (int i = 0; i < count && size > 0; ++i) {
    const auto part = std::min(size, parts[i].iov_len);
    std::memcpy(to, parts[i].iov_base, part);
    to += part;
    size -= part;
  }
  __atomic_store_n(reinterpret_cast<std::uint32_t*>(trace + at), static_cast<std::uint32_t>(what), __ATOMIC_RELEASE);
}

meaning look_at(int descriptor) {
  std::array<char, 4096> buffer;
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  const auto size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  const std::string path{buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  if (path.starts_with(directory + "/")) {
    iovec part{const_cast<char*>(path.data()), path.size()};
    record(kind::path, descriptor, now(), now(), 0, &part, 1, path.size());
    return meaning::journal;
  }
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0
      && (address.ss_family == AF_INET || address.ss_family == AF_INET6))
    return meaning::socket;
  return meaning::elsewhere;
}

meaning meaning_of(int descriptor) {
  if (trace == nullptr || descriptor < 0 || static_cast<std::size_t>(descriptor) >= meanings.size()) return meaning::elsewhere;
  auto& slot = meanings[static_cast<std::size_t>(descriptor)];
  auto known = slot.load(std::memory_order_acquire);
  if (known == meaning::unknown) {
    const int saved = errno;
    known = look_at(descriptor);
    slot.store(known, std::memory_order_release);
    errno = saved;
  }
  return known;
}

void forget(int descriptor) {
  if (descriptor >= 0 && static_cast<std::size_t>(descriptor) < meanings.size())
    meanings[static_cast<std::size_t>(descriptor)].store(meaning::unknown, std::memory_order_release);
}

__attribute__((constructor)) void start() {
  const char* file = std::getenv("TROUPE_SYNC_TRACE");
  const char* below = std::getenv("TROUPE_SYNC_TRACE_DIRECTORY");
  const char* size = std::getenv("TROUPE_SYNC_TRACE_MAX_MIB");
  if (file == nullptr || below == nullptr || std::getenv("TROUPE_SYNC_TRACE_OWNER") != nullptr) return;
  ::setenv("TROUPE_SYNC_TRACE_OWNER", "this process", 1);  // not its children
  directory = below;
  trace_size = (size != nullptr ? std::strtoull(size, nullptr, 10) : 2048) << 20;
  const int opened = ::open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  void* mapped = opened < 0 || ::ftruncate(opened, static_cast<off_t>(trace_size)) != 0
                     ? MAP_FAILED
                     : ::mmap(nullptr, trace_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, opened, 0);
  if (mapped == MAP_FAILED) {
    std::fprintf(stderr, "sync_trace: cannot make %s: %s\n", file, std::strerror(errno));
    std::_Exit(70);
  }
  ::close(opened);
  std::memcpy(mapped, "TRPSYNC1", 8);
  trace = static_cast<char*>(mapped);
  ::pthread_atfork(nullptr, nullptr, [] { trace = nullptr; });
}

/// Runs a write to whatever the descriptor is. `offset` < 0: at the file's position.
template <class Call>
ssize_t traced_write(int descriptor, const iovec* parts, int count, off_t offset, Call call) {
  const auto what = meaning_of(descriptor);
  if (what == meaning::elsewhere) return call();
  const auto begin = now();
  // An answer may be read before the call returns: it is recorded as of its begin, and before it.
  if (what == meaning::socket) record(kind::send, descriptor, begin, begin, 0, parts, count, send_bytes_max);
  const ssize_t done = call();
  if (what == meaning::socket || done <= 0) return done;
  const auto end = now();
  const int saved = errno;
  const auto at = offset >= 0 ? offset : ::lseek(descriptor, 0, SEEK_CUR) - done;
  record(kind::write, descriptor, begin, end, static_cast<std::uint64_t>(at), parts, count, static_cast<std::size_t>(done));
  errno = saved;
  return done;
}

template <class Call>
int traced_sync(int descriptor, Call call) {
  if (meaning_of(descriptor) != meaning::journal) return call();
  const auto begin = now();
  const int done = call();
  if (done == 0) record(kind::sync, descriptor, begin, now(), 0, nullptr, 0, 0);
  return done;
}

}  // namespace

static int opened(int descriptor) {
  forget(descriptor);
  return descriptor;
}

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  TROUPE_REAL(socket);
  return opened(next(domain, type, protocol));
}
int accept(int listener, sockaddr* address, socklen_t* length) {
  TROUPE_REAL(accept);
  return opened(next(listener, address, length));
}
int accept4(int listener, sockaddr* address, socklen_t* length, int flags) {
  TROUPE_REAL(accept4);
  return opened(next(listener, address, length, flags));
}
int close(int descriptor) {
  TROUPE_REAL(close);
  forget(descriptor);
  return next(descriptor);
}
int dup2(int from, int to) noexcept {
  TROUPE_REAL(dup2);
  forget(to);
  return next(from, to);
}

ssize_t write(int descriptor, const void* data, size_t size) {
  TROUPE_REAL(write);
  const iovec part{const_cast<void*>(data), size};
  return traced_write(descriptor, &part, 1, -1, [&] { return next(descriptor, data, size); });
}
ssize_t writev(int descriptor, const iovec* parts, int count) {
  TROUPE_REAL(writev);
  return traced_write(descriptor, parts, count, -1, [&] { return next(descriptor, parts, count); });
}
ssize_t pwrite(int descriptor, const void* data, size_t size, off_t offset) {
  TROUPE_REAL(pwrite);
  const iovec part{const_cast<void*>(data), size};
  return traced_write(descriptor, &part, 1, offset, [&] { return next(descriptor, data, size, offset); });
}
ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  TROUPE_REAL(pwrite64);
  const iovec part{const_cast<void*>(data), size};
  return traced_write(descriptor, &part, 1, offset, [&] { return next(descriptor, data, size, offset); });
}
ssize_t send(int descriptor, const void* data, size_t size, int flags) {
  TROUPE_REAL(send);
  const iovec part{const_cast<void*>(data), size};
  return traced_write(descriptor, &part, 1, -1, [&] { return next(descriptor, data, size, flags); });
}
ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  TROUPE_REAL(sendmsg);
  return traced_write(descriptor, message->msg_iov, static_cast<int>(message->msg_iovlen), -1,
                      [&] { return next(descriptor, message, flags); });
}
int fsync(int descriptor) {
  TROUPE_REAL(fsync);
  return traced_sync(descriptor, [&] { return next(descriptor); });
}
int fdatasync(int descriptor) {
  TROUPE_REAL(fdatasync);
  return traced_sync(descriptor, [&] { return next(descriptor); });
}

}  // extern "C"
