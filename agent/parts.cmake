# Debian's Torch, without its CMake package, which looks for far more than we link.
add_library(automap_torch INTERFACE)
target_include_directories(automap_torch SYSTEM INTERFACE /usr/include/torch/csrc/api/include)
target_link_libraries(automap_torch INTERFACE torch torch_cpu c10)

automap_library(agent/core LAYER 10 DEPS automap_base absl::span)
automap_library(agent/replay LAYER 11 DEPS automap_agent_core)
automap_library(agent/rainbow LAYER 12 DEPS automap_agent_replay automap_torch)
automap_library(agent LAYER 13 DEPS automap_agent_rainbow)
set_source_files_properties(agent/rainbow/q_network.cc PROPERTIES COMPILE_OPTIONS -O3)
