# Checks of the house itself, and scripts that the other tests use.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME tools/check_layering COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/tools/check_layering.py)
add_test(NAME tools/check_layering_test
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/tools/check_layering_test.py)
set_tests_properties(tools/check_layering tools/check_layering_test PROPERTIES TIMEOUT 60)

# Every header compiles alone: for each that no source reads first, a source that reads nothing else is a part of the
# build.
function(automap_headers_alone)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
    base/*.h simulator/*.h agent/*.h planner/*.h server/*.h tests/*.h)
  file(GLOB_RECURSE readers RELATIVE ${PROJECT_SOURCE_DIR} base/*.cc simulator/*.cc agent/*.cc planner/*.cc server/*.cc
    tests/*.cc)
  foreach(reader IN LISTS readers)
    file(STRINGS ${reader} include REGEX "^#include" LIMIT_COUNT 1)
    string(REGEX REPLACE "^#include \"(.*)\"$" "\\1" include "${include}")
    list(APPEND first "${include}")
  endforeach()
  foreach(header IN LISTS headers)
    if(header IN_LIST first)
      continue()
    endif()
    set(source ${PROJECT_BINARY_DIR}/headers_alone/${header}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
    list(APPEND sources ${source})
  endforeach()
  get_property(targets DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY BUILDSYSTEM_TARGETS)
  list(FILTER targets INCLUDE REGEX "^automap_")
  add_library(automap_headers_alone OBJECT ${sources})
  target_link_libraries(automap_headers_alone PRIVATE automap_proto_services ${targets} GTest::gmock GTest::gtest)
  target_compile_options(automap_headers_alone PRIVATE -g0 -O0)
endfunction()
automap_headers_alone()
