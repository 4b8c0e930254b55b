add_library(automap_test_zoo STATIC tests/support/zoo.cc)
target_link_libraries(automap_test_zoo PUBLIC automap_planner_plan nlohmann_json::nlohmann_json PRIVATE automap_flags)
target_compile_definitions(automap_test_zoo PRIVATE AUTOMAP_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")

automap_test(tests/planner/graph/roles_test.cc DEPS automap_test_zoo)
automap_test(tests/planner/propagation/propagation_test.cc DEPS automap_test_zoo)
automap_test(tests/planner/propagation/linkage_groups_test.cc DEPS automap_test_zoo)
automap_test(tests/planner/oracle/best_choice_test.cc DEPS automap_planner_oracle)
add_library(automap_test_paper_tables STATIC tests/support/paper_tables.cc)
target_link_libraries(automap_test_paper_tables PUBLIC automap_planner_plan PRIVATE automap_flags)
automap_test(tests/planner/plan_module_test.cc DEPS automap_test_zoo automap_test_paper_tables automap_planner automap_planner_verify TIMEOUT 600)

add_executable(read_folder tests/tools/read_folder.cc)
target_link_libraries(read_folder PRIVATE automap_planner_hlo automap_flags)
add_executable(apply_splits tests/tools/apply_splits.cc)
target_link_libraries(apply_splits PRIVATE automap_planner_exporters automap_flags)
automap_test(tests/planner/explore/split_environment_test.cc DEPS automap_test_zoo automap_test_contracts
  automap_planner_explore)

add_library(automap_test_hlo_text STATIC tests/support/hlo_text.cc)
target_link_libraries(automap_test_hlo_text PUBLIC automap_planner_graph PRIVATE automap_flags)
automap_test(tests/planner/hlo/read_module_test.cc DEPS automap_test_zoo)
automap_test(tests/planner/hlo/check_module_test.cc DEPS automap_planner_hlo)
automap_test(tests/planner/rules/catalog_test.cc DEPS automap_test_hlo_text automap_planner_rules)
automap_test(tests/planner/exporters/op_sharding_test.cc DEPS automap_planner_exporters)
automap_test(tests/planner/exporters/export_module_plan_test.cc DEPS automap_test_zoo automap_planner_export)
automap_test(tests/planner/explain_parameter_test.cc DEPS automap_test_zoo automap_planner_inspect)
# Runs operations on shards by their rules.
file(GLOB automap_test_interpreter_sources CONFIGURE_DEPENDS
  tests/support/interpreter/*.cc tests/support/random_module/*.cc)
add_library(automap_test_interpreter STATIC ${automap_test_interpreter_sources})
target_link_libraries(automap_test_interpreter PUBLIC automap_test_hlo_text automap_planner_rules PRIVATE automap_flags)
automap_test(tests/planner/rules/numeric_test.cc DEPS automap_test_interpreter)
