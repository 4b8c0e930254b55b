automap_library(simulator/cluster LAYER 10 DEPS automap_base automap_proto)
automap_library(simulator/compute LAYER 11 DEPS automap_simulator_cluster)
automap_library(simulator/collective LAYER 11 DEPS automap_simulator_cluster)
automap_library(simulator/memory LAYER 11 DEPS automap_simulator_cluster)
automap_library(simulator/pipeline LAYER 11 DEPS automap_base)
automap_library(simulator LAYER 13 DEPS automap_simulator_compute automap_simulator_collective automap_simulator_memory
  automap_simulator_pipeline)
automap_library(simulator/timeline LAYER 14 DEPS automap_simulator nlohmann_json::nlohmann_json)
