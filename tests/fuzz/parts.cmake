# Fuzz targets: an ordinary test on the kept corpus, or with libFuzzer where AUTOMAP_FUZZ is set (tests/fuzz/run).
option(AUTOMAP_FUZZ "build fuzz targets with libFuzzer" OFF)

# automap_fuzz(module DEPS ...): tests/fuzz/module.cc on tests/fuzz/corpus/module.
function(automap_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPS;SOURCES" ${ARGN})
  add_executable(fuzz_${name} tests/fuzz/${name}.cc ${ARG_SOURCES})
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPS} automap_flags)
  set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(AUTOMAP_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE tests/fuzz/run_corpus.cc)
    add_test(NAME fuzz/${name} COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 120)
  endif()
endfunction()

automap_fuzz(module DEPS automap_planner_hlo)
automap_fuzz(cluster DEPS automap_simulator_cluster)
automap_fuzz(frames DEPS automap_server_worker)
automap_fuzz(requests SOURCES server/api/validate.cc server/api/resume_token.cc
  DEPS automap_server_blobs automap_server_ops automap_simulator_cluster)
