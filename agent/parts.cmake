# Debian's Torch, without its CMake package, which looks for far more than we link.
add_library(automap_torch INTERFACE)
target_include_directories(automap_torch SYSTEM INTERFACE /usr/include/torch/csrc/api/include)
target_link_libraries(automap_torch INTERFACE torch torch_cpu c10)

automap_library(agent/core LAYER 10 DEPS automap_base absl::span)
automap_library(agent/replay LAYER 11 DEPS automap_agent_core)
automap_library(agent/rainbow LAYER 12 DEPS automap_agent_replay ${CMAKE_DL_LIBS})
# Loaded when the first gradient step is made (agent/rainbow/learner.cc), so that no program links LibTorch.
add_library(torch_learner MODULE agent/rainbow/torch/torch_learner.cc agent/rainbow/q_network.cc)
target_link_libraries(torch_learner PRIVATE automap_agent_core automap_torch absl::statusor automap_flags)
set_target_properties(torch_learner PROPERTIES OUTPUT_NAME automap_torch_learner
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
add_dependencies(automap_agent_rainbow torch_learner)
automap_library(agent/sequence LAYER 11 DEPS automap_agent_core absl::span)
automap_library(agent LAYER 13 DEPS automap_agent_rainbow)
set_source_files_properties(agent/rainbow/q_network.cc agent/sequence/kernels.cc PROPERTIES COMPILE_OPTIONS -O3)
