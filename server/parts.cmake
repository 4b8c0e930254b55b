automap_library(server/worker LAYER 40 DEPS automap_base automap_proto absl::time ZLIB::ZLIB)
automap_library(server/process LAYER 41 DEPS automap_server_worker)

# The three programs.
add_executable(automap-worker server/automap_worker.cc)
target_link_libraries(automap-worker PRIVATE automap_server_worker automap_planner automap_planner_verify automap_flags)
