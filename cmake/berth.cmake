# SPDX-License-Identifier: GPL-2.0-or-later
# Flags and the two functions by which every target of berth is made.
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)

add_compile_options(-Wall -Wextra -Wpedantic $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
if(BERTH_SANITIZE OR BERTH_FUZZ)
  add_compile_options(-O1 -g1 -UNDEBUG) # Asio's and Beast's templates with sanitizers: half of the time of -O2 -g
endif()
if(BERTH_SANITIZE)
  add_compile_options(-fsanitize=${BERTH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BERTH_SANITIZE})
endif()
if(BERTH_FUZZ)
  add_compile_options(-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
add_compile_definitions(BERTH_VERSION="${PROJECT_VERSION}")

# berth_library(NAME SOURCES… [HEADERS PATTERNS…] [OWN PATTERNS…]): without sources it is a library of headers alone. Headers are
# included from the root of the tree ("core/ip.h"), and a target sees those of the libraries that it links and no others: each
# library has a folder of links to its HEADERS, where not said all of its folder, and one for its sources alone to its OWN.
function(berth_library name)
  cmake_parse_arguments(PARSE_ARGV 1 library "" "" "HEADERS;OWN")
  if(NOT library_HEADERS)
    set(library_HEADERS *.h)
  endif()
  if(library_UNPARSED_ARGUMENTS)
    add_library(${name} STATIC ${library_UNPARSED_ARGUMENTS})
    berth_see(${name} PUBLIC ${library_HEADERS})
    berth_see(${name} PRIVATE ${library_OWN})
  else()
    add_library(${name} INTERFACE)
    berth_see(${name} INTERFACE ${library_HEADERS})
  endif()
endfunction()

# berth_see(LIBRARY SCOPE PATTERNS…): these headers of this folder can be included where SCOPE says.
function(berth_see name scope)
  set(see ${PROJECT_BINARY_DIR}/see/${name}.${scope})
  file(REMOVE_RECURSE ${see})
  foreach(pattern ${ARGN})
    file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${pattern})
    if(NOT headers)
      message(FATAL_ERROR "${name}: no header is ${pattern}")
    endif()
    foreach(header ${headers})
      file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${header})
      get_filename_component(folder ${see}/${path} DIRECTORY)
      file(MAKE_DIRECTORY ${folder})
      file(CREATE_LINK ${header} ${see}/${path} SYMBOLIC)
    endforeach()
  endforeach()
  target_include_directories(${name} ${scope} ${see})
endfunction()

# berth_tenant(…): a library, as berth_library() makes it, that is a kind of attachment, a runtime or a way into zebra. It is
# linked where the tables of tenants are (daemon/tenants.cpp), and nobody else sees it.
macro(berth_tenant name)
  berth_library(${name} ${ARGN})
  set_property(GLOBAL APPEND PROPERTY BERTH_TENANTS ${name})
endmacro()

# Every folder here that has something to build.
macro(berth_folders)
  file(GLOB berth_found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(berth_each ${berth_found})
    get_filename_component(berth_each ${berth_each} DIRECTORY)
    add_subdirectory(${berth_each})
  endforeach()
endmacro()

# Programs whose tests wait for most of their time, for the kernel or for a deadline: run in so many parts at a time.
set(berth_waiting host_links_test=6 host_spread_test=1 host_agent_test=4 zebra_client_test=4 docker_watcher_test=3
  containerd_real_test=1 containerd_runtime_test=3 connection_test=1 evpn_check_test=1 told_test=1)

# Programs that have more than one thread, in themselves or in the daemon that they start: what ThreadSanitizer is for. In the others
# a thread that begins is a mistake, and says so (tests/support/one_thread.cpp).
set(berth_threaded app_docker_test berthd_process_test connection_test containerd_real_test containerd_runtime_test host_agent_test host_firewall_test host_links_test host_names_test
  host_macvlan_test host_overlay_test host_spread_test log_test plug_agent_test plug_leases_test shared_text_test vty_server_test)

add_custom_target(berth_tests)
add_custom_target(berth_threaded_tests)
# berth_test(NAME LIBRARIES SOURCES): one GoogleTest program; label is the folder's name (unit, property), and "threads" where it has several. It takes three places
# of ctest's -j, or one for each part where it waits: so `ctest -j N` with three times as many places as there are cores keeps
# them busy, and no more.
function(berth_test name libraries)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}) # a test may know all
  target_link_libraries(${name} PRIVATE ${libraries} GTest::gtest GTest::gmock GTest::gtest_main)
  if(BERTH_SANITIZE)
    target_compile_options(${name} PRIVATE -O0) # a test's own code: two thirds of the time of -O1, which its libraries have
  endif()
  get_filename_component(label ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_dependencies(berth_tests ${name})
  if(name IN_LIST berth_threaded)
    list(APPEND label threads)
    add_dependencies(berth_threaded_tests ${name})
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/one_thread.cpp)
  endif()
  set(places 3)
  set(parts 1)
  foreach(each ${berth_waiting})
    if(each MATCHES "^${name}=(.*)")
      set(places 1)
      set(parts ${CMAKE_MATCH_1})
    endif()
  endforeach()
  foreach(part RANGE 1 ${parts})
    set(test ${name})
    if(parts GREATER 1)
      set(test ${name}.${part})
    endif()
    math(EXPR index "${part} - 1")
    add_test(NAME ${test} COMMAND ${name})
    set_tests_properties(${test} PROPERTIES LABELS "${label}" TIMEOUT 120 PROCESSORS ${places}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${parts};GTEST_SHARD_INDEX=${index}")
  endforeach()
endfunction()

# Sources that the build makes: clang-tidy needs them before it reads those that include them.
add_custom_target(berth_generated)

# Boost.JSON without its shared library.
add_library(berth_json STATIC ${CMAKE_CURRENT_LIST_DIR}/boost_json.cpp)
target_link_libraries(berth_json PUBLIC Boost::headers)
