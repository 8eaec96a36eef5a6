# Everything comes from Debian 12 packages, but for CAF, which scripts/setup builds into a cache prefix.
# CAF_PREFIX names another one.
set(TROUPE_CACHE "$ENV{TROUPE_CACHE}")
if(NOT TROUPE_CACHE)
  set(TROUPE_CACHE "$ENV{HOME}/.cache/troupe")
endif()
if(TROUPE_SANITIZE MATCHES "thread")
  set(CAF_PREFIX "${TROUPE_CACHE}/caf-0.18.7-tsan" CACHE PATH "Where CAF is installed")
else()
  set(CAF_PREFIX "${TROUPE_CACHE}/caf-0.18.7" CACHE PATH "Where CAF is installed")
endif()
find_package(CAF 0.18.7 EXACT REQUIRED COMPONENTS core PATHS ${CAF_PREFIX} NO_DEFAULT_PATH)

# What a node calls a million times a second it calls without the detour of a shared library.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(Protobuf_USE_STATIC_LIBS ON)
  set(Boost_USE_STATIC_LIBS ON)
  if(Protobuf_LIBRARY_RELEASE MATCHES "\\.so$")  # found before this was asked for
    unset(Protobuf_LIBRARY_RELEASE CACHE)
  endif()
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81.0 EXACT REQUIRED CONFIG COMPONENTS headers json url)
# Asio and Beast are compiled once, in the room http.
add_library(troupe_asio INTERFACE)
target_compile_definitions(troupe_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(troupe_asio INTERFACE Boost::headers)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(doctest REQUIRED)
find_package(benchmark REQUIRED)
find_package(RocksDB REQUIRED)
add_library(troupe_rocksdb INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_link_libraries(troupe_rocksdb INTERFACE RocksDB::rocksdb)
else()
  target_link_libraries(troupe_rocksdb INTERFACE RocksDB::rocksdb-shared)
endif()
# A node allocates on many threads at once, and its RocksDB advises against glibc's allocator. Sanitizers bring their own.
if(NOT TROUPE_SANITIZE)
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
endif()
# Neural networks on the processor.
find_package(dnnl CONFIG REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
pkg_check_modules(LIBAV REQUIRED IMPORTED_TARGET libavformat libavcodec libavfilter libavutil libswscale libswresample)
