# Programs that print tables; `automap bench NAME` runs build/bin/bench-NAME. Not tests.
function(automap_bench name source)
  add_executable(bench-${name} ${source})
  target_link_libraries(bench-${name} PRIVATE ${ARGN} automap_test_files automap_flags)
endfunction()
automap_bench(opp tests/bench/bench_opp.cc automap_planner automap_planner_verify automap_test_paper_tables)
automap_bench(hlo tests/bench/bench_hlo.cc automap_test_zoo)
automap_bench(propagation tests/bench/bench_propagation.cc automap_test_zoo)
automap_bench(pipeline tests/bench/bench_pipeline.cc automap_test_zoo automap_planner_search)
automap_bench(semantics tests/bench/bench_semantics.cc automap_planner)
automap_bench(dapple tests/bench/bench_dapple.cc automap_test_dapple)
set(cost_model tests/bench/cost_model)
add_library(automap_test_cost_model STATIC
  ${cost_model}/collective_sweeps.cc ${cost_model}/errors.cc ${cost_model}/layer_profiles.cc
  ${cost_model}/model_part.cc ${cost_model}/published_row.cc ${cost_model}/residuals.cc
  ${cost_model}/step_prediction.cc ${cost_model}/training_steps.cc ${cost_model}/transformer.cc
  ${cost_model}/wide_resnet.cc)
target_link_libraries(automap_test_cost_model PUBLIC automap_simulator nlohmann_json::nlohmann_json PRIVATE automap_flags)
automap_bench(cost-model ${cost_model}/bench_cost_model.cc automap_test_cost_model)
add_test(NAME bench/cost-model COMMAND bench-cost-model --limits)
automap_test(tests/bench/cost_model/cost_model_test.cc DEPS automap_test_cost_model)
automap_bench(agents tests/bench/bench_agents.cc automap_test_zoo automap_planner_search)
automap_bench(train-pipeline tests/bench/bench_train_pipeline.cc automap_test_zoo automap_planner_search)
automap_bench(simulator tests/bench/bench_simulator.cc automap_test_zoo automap_planner_explore automap_simulator_pipeline)
automap_bench(paper tests/bench/bench_paper.cc automap_planner automap_planner_verify automap_test_zoo)
automap_bench(first tests/bench/bench_first.cc automap_planner automap_test_zoo)
automap_bench(hybrid tests/bench/bench_hybrid.cc automap_planner automap_planner_verify automap_test_zoo)
