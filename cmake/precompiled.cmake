# Half of the time of a compilation is reading the headers of the standard library, fmt, Boost.JSON, CAF and Asio. They are read
# once here, and shared by all targets whose options are the same. The release preset does without, so that an #include that is
# missing in a source file is found.
option(TROUPE_PRECOMPILED "Read the libraries' headers once" ON)

set(TROUPE_COMMON_HEADERS
  <algorithm> <array> <atomic> <charconv> <chrono> <deque> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional>
  <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <fmt/format.h> <boost/json.hpp> <boost/system/result.hpp>)
set(TROUPE_ACTOR_HEADERS
  ${TROUPE_COMMON_HEADERS} <caf/actor_system.hpp> <caf/actor_system_config.hpp> <caf/scoped_actor.hpp> <caf/typed_actor.hpp>
  <caf/typed_event_based_actor.hpp>)
set(TROUPE_HTTP_HEADERS
  ${TROUPE_ACTOR_HEADERS} <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/detached.hpp>
  <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp> <boost/asio/use_awaitable.hpp>
  <boost/beast/http/parser.hpp>)

# troupe_precompiled_set(NAME LIBRARIES library ... HEADERS header ...): a library that holds nothing but read headers.
function(troupe_precompiled_set name)
  cmake_parse_arguments(SET "" "" "LIBRARIES;HEADERS" ${ARGN})
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp)
  target_link_libraries(${name} PRIVATE troupe_options ${SET_LIBRARIES})
  target_precompile_headers(${name} PRIVATE ${SET_HEADERS})
endfunction()

if(TROUPE_PRECOMPILED)
  target_compile_options(troupe_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow) # GCC 12 then misjudges std::string
  # A read header is valid only where each macro that it saw has the same value.
  target_compile_definitions(troupe_options INTERFACE
    $<TARGET_PROPERTY:Boost::json,INTERFACE_COMPILE_DEFINITIONS> $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
  troupe_precompiled_set(troupe_precompiled LIBRARIES Boost::json fmt::fmt HEADERS ${TROUPE_COMMON_HEADERS})
  troupe_precompiled_set(troupe_precompiled_actors LIBRARIES Boost::json fmt::fmt CAF::core HEADERS ${TROUPE_ACTOR_HEADERS})
  troupe_precompiled_set(troupe_precompiled_http LIBRARIES Boost::json fmt::fmt CAF::core troupe_asio HEADERS ${TROUPE_HTTP_HEADERS})
endif()

# troupe_precompile_as(TARGET OTHER): the target's sources see the headers of the other target.
function(troupe_precompile_as target other)
  if(TROUPE_PRECOMPILED)
    target_precompile_headers(${target} REUSE_FROM ${other})
  endif()
endfunction()

# troupe_precompile(TARGET LIBRARY ...): the target's sources see the set that fits the libraries that it depends on.
function(troupe_precompile target)
  if("troupe_asio" IN_LIST ARGN)
    troupe_precompile_as(${target} troupe_precompiled_http)
  elseif("${ARGN}" MATCHES "CAF::|troupe_actors|troupe_http")
    troupe_precompile_as(${target} troupe_precompiled_actors)
  else()
    troupe_precompile_as(${target} troupe_precompiled)
  endif()
endfunction()
