automap_library(server/worker LAYER 40 DEPS automap_base automap_proto automap_planner_journal absl::time ZLIB::ZLIB seccomp)
automap_library(server/process LAYER 41 DEPS automap_server_worker)

automap_library(server/jobs LAYER 40 DEPS automap_base automap_proto SQLite::SQLite3 PostgreSQL::PostgreSQL)
automap_library(server/blobs LAYER 40 DEPS automap_base automap_proto_services ZLIB::ZLIB)
automap_library(server/ops LAYER 40 DEPS automap_base automap_proto absl::time prometheus-cpp::core)
automap_library(server/pool LAYER 42 DEPS automap_server_jobs automap_server_blobs automap_server_process)
automap_library(server/api LAYER 43 DEPS automap_server_pool automap_server_blobs automap_server_ops
  automap_simulator_cluster automap_proto_services nlohmann_json::nlohmann_json)
automap_library(server/cli LAYER 44 SOURCES axis_commands.cc bench_command.cc exit_code.cc explain_command.cc export_command.cc inputs.cc inspect_command.cc
  job_commands.cc local_plan.cc plan_command.cc plan_table.cc progress_line.cc remote.cc server_address.cc simulate_command.cc verify_command.cc
  DEPS automap_server_process automap_planner_inspect automap_planner_verify automap_planner_simulate automap_planner_export automap_simulator_cluster
       automap_proto_services fmt::fmt CLI11::CLI11 nlohmann_json::nlohmann_json)

# The three programs. automapd and automap never link LibTorch.
add_executable(automapd server/automapd.cc server/flags.cc server/log.cc $<TARGET_OBJECTS:automap_proto_health>)
target_link_libraries(automapd PRIVATE automap_server_api gRPC::grpc++ ${CMAKE_DL_LIBS} CLI11::CLI11 nlohmann_json::nlohmann_json
  spdlog::spdlog automap_flags)
add_executable(automap-worker server/automap_worker.cc)
target_link_libraries(automap-worker PRIVATE automap_server_worker automap_planner automap_planner_verify automap_flags)
add_executable(automap server/cli/automap.cc)
target_link_libraries(automap PRIVATE automap_server_cli automap_flags)
add_dependencies(automap automap-worker)  # which --local starts
