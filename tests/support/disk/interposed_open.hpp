#pragma once

// For a library that is preloaded (LD_PRELOAD): the ways in which a process opens a file, once each. Included by one source file
// of such a library, which defines what happens with a new descriptor.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>

#include <cstdarg>

/// Told of each descriptor that was opened, or -1. @returns it.
static int opened(int descriptor);

/// The function that this library stands in front of.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

#define TROUPE_REAL(function) static const auto next = real<decltype(::function)>(#function)

/// The mode is there only for what may make a file.
#define TROUPE_MODE(flags)                                                                          \
  va_list arguments;                                                                                \
  va_start(arguments, flags);                                                                       \
  const auto mode = ((flags) & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : mode_t{0}; \
  va_end(arguments)

extern "C" {

int open(const char* path, int flags, ...) {
  TROUPE_REAL(open);
  TROUPE_MODE(flags);
  return opened(next(path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  TROUPE_REAL(open64);
  TROUPE_MODE(flags);
  return opened(next(path, flags, mode));
}
int openat(int at, const char* path, int flags, ...) {
  TROUPE_REAL(openat);
  TROUPE_MODE(flags);
  return opened(next(at, path, flags, mode));
}
int openat64(int at, const char* path, int flags, ...) {
  TROUPE_REAL(openat64);
  TROUPE_MODE(flags);
  return opened(next(at, path, flags, mode));
}

}  // extern "C"
