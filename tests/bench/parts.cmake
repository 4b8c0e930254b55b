# Programs that print tables; `automap bench NAME` runs build/bin/bench-NAME. Not tests.
function(automap_bench name source)
  add_executable(bench-${name} ${source})
  target_link_libraries(bench-${name} PRIVATE ${ARGN} automap_flags)
  target_compile_definitions(bench-${name} PRIVATE AUTOMAP_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
endfunction()
automap_bench(opp tests/bench/bench_opp.cc automap_planner automap_planner_verify automap_test_paper_tables)
automap_bench(hlo tests/bench/bench_hlo.cc automap_test_zoo)
automap_bench(propagation tests/bench/bench_propagation.cc automap_test_zoo)
