# automap_test(tests/base/units_test.cc DEPS ...): one file, one program, one ctest entry per gtest case file.
function(automap_test source)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;LABELS" ${ARGN})
  string(REGEX REPLACE "^tests/|\\.cc$" "" name ${source})
  string(REPLACE "/" "_" target ${name})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${ARG_DEPS} automap_flags GTest::gmock GTest::gtest GTest::gtest_main)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_compile_definitions(${target} PRIVATE
    AUTOMAP_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" AUTOMAP_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  add_test(NAME ${name} COMMAND ${target})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
    ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMP_NUM_THREADS=1")
endfunction()

automap_test(tests/base/units_test.cc DEPS automap_base)
include(tests/agent/parts.cmake)
include(tests/planner/parts.cmake)
include(tests/tools/parts.cmake)
include(tests/e2e/parts.cmake)
