# The only source that knows the folders: the others are the same for ccache in every clone.
add_library(automap_test_files STATIC tests/support/files.cc)
target_link_libraries(automap_test_files PRIVATE automap_flags)
target_include_directories(automap_test_files PUBLIC ${PROJECT_SOURCE_DIR})
target_compile_definitions(automap_test_files PRIVATE AUTOMAP_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
  AUTOMAP_TEST_BIN="${PROJECT_BINARY_DIR}/tests" AUTOMAP_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")

# automap_test(tests/base/units_test.cc DEPS ...): one file, one program, one ctest entry per gtest case file.
function(automap_test source)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;LABELS" ${ARGN})
  string(REGEX REPLACE "^tests/|\\.cc$" "" name ${source})
  string(REPLACE "/" "_" target ${name})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} automap_test_files automap_flags GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_options(${target} PRIVATE -O1)  # half the time of compiling it is optimisation
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${target})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMP_NUM_THREADS=1")
endfunction()

automap_test(tests/base/units_test.cc DEPS automap_base)
automap_test(tests/base/sha256_test.cc DEPS automap_base)
automap_test(tests/base/archive_test.cc DEPS automap_base)
include(tests/agent/parts.cmake)
include(tests/planner/parts.cmake)
include(tests/simulator/parts.cmake)
include(tests/server/parts.cmake)
include(tests/fuzz/parts.cmake)
include(tests/bench/parts.cmake)
include(tests/tools/parts.cmake)
include(tests/e2e/parts.cmake)
include(tests/xla/parts.cmake)
