automap_library(server/worker LAYER 40 DEPS automap_base automap_proto absl::time ZLIB::ZLIB)
automap_library(server/process LAYER 41 DEPS automap_server_worker)

# The three programs.
add_executable(automap-worker server/automap_worker.cc)
target_link_libraries(automap-worker PRIVATE automap_server_worker automap_planner automap_planner_verify automap_flags)
automap_library(server/cli LAYER 44 SOURCES axis_commands.cc bench_command.cc exit_code.cc inputs.cc inspect_command.cc
  local_plan.cc plan_command.cc plan_table.cc progress_line.cc verify_command.cc
  DEPS automap_server_process automap_planner_inspect automap_planner_verify automap_simulator_cluster
       fmt::fmt CLI11::CLI11 nlohmann_json::nlohmann_json)
add_executable(automap server/cli/automap.cc)
target_link_libraries(automap PRIVATE automap_server_cli automap_flags)
