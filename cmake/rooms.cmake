# A room is a folder of src/ and one library. `#include "model/job.hpp"` resolves only for targets that depend on the room
# `model`: each room has an include root of its own, which holds nothing but a link to that room. An arrow that is not
# declared here therefore fails the build.

add_library(troupe_options INTERFACE)
target_compile_options(troupe_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -Wno-restrict) # GCC 12 reports std::string concatenation (GCC bug 105651)
if(TROUPE_SANITIZE)
  # What is instrumented looks uninitialized to GCC (its manual says so of -fsanitize and this warning).
  target_compile_options(troupe_options INTERFACE -fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  target_link_options(troupe_options INTERFACE -fsanitize=${TROUPE_SANITIZE})
endif()

# troupe_include_root(TARGET FOLDER): makes src/FOLDER, and only it, includable by its path from src/.
function(troupe_include_root target folder)
  string(REPLACE "/" "_" flat ${folder})
  set(root ${CMAKE_BINARY_DIR}/rooms/${flat})
  get_filename_component(parent ${root}/${folder} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${folder} ${root}/${folder} SYMBOLIC)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL INTERFACE_LIBRARY)
    target_include_directories(${target} INTERFACE ${root})
  else()
    target_include_directories(${target} PUBLIC ${root})
  endif()
endfunction()

# troupe_room(FOLDER SOURCES a.cpp ... [DEPENDS room-or-library ...] [PRIVATE library ...])
function(troupe_room folder)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  string(REPLACE "/" "_" flat ${folder})
  set(target troupe_${flat})
  add_library(${target} STATIC ${ROOM_SOURCES})
  troupe_include_root(${target} ${folder})
  target_link_libraries(${target} PUBLIC ${ROOM_DEPENDS} PRIVATE troupe_options ${ROOM_PRIVATE})
  troupe_precompile(${target} ${ROOM_DEPENDS} ${ROOM_PRIVATE})
endfunction()

# troupe_test(NAME SOURCES a.cpp ... DEPENDS room ... [LABELS label ...] [TIMEOUT seconds])
function(troupe_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(test_${name} ${TEST_SOURCES})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(test_${name} PRIVATE troupe_test_main troupe_options ${TEST_DEPENDS})
  troupe_precompile(test_${name} ${TEST_DEPENDS})
  add_test(NAME ${name} COMMAND test_${name} --no-intro=true)
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}")
endfunction()
