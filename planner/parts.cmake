automap_library(planner/hlo LAYER 20 DEPS automap_base automap_proto_xla absl::flat_hash_map ZLIB::ZLIB)
automap_library(planner/graph LAYER 21 DEPS automap_planner_hlo)
automap_library(planner/rules LAYER 22 DEPS automap_planner_graph)
automap_library(planner/propagation LAYER 23 DEPS automap_planner_rules)
automap_library(planner/plan LAYER 24 DEPS automap_planner_propagation automap_simulator automap_proto)
automap_library(planner/exporters LAYER 25 DEPS automap_planner_plan nlohmann_json::nlohmann_json)
automap_library(planner/oracle LAYER 24 DEPS automap_base automap_simulator)
automap_library(planner/explore LAYER 25 DEPS automap_planner_plan automap_planner_oracle automap_agent_core)
automap_library(planner/explore/pipeline LAYER 25 DEPS automap_planner_plan automap_planner_oracle automap_agent_core automap_agent_sequence
  nlohmann_json::nlohmann_json)
automap_library(planner/explore/hybrid LAYER 26 DEPS automap_planner_explore_pipeline)
# What a search has done so far; a front door that the worker holds as well.
automap_library(planner NAME planner_journal LAYER 20 SOURCES search_journal.cc DEPS automap_base absl::time)
automap_library(planner/search LAYER 26 DEPS automap_planner_explore automap_planner_explore_pipeline automap_planner_journal automap_agent automap_agent_sequence)
automap_library(planner/exporters/stages LAYER 26 DEPS automap_planner_explore_pipeline nlohmann_json::nlohmann_json)
# The front doors: everything but the search, which alone needs Torch, and the whole.
automap_library(planner NAME planner_verify LAYER 29 SOURCES verify_module_plan.cc
  DEPS automap_planner_explore automap_planner_explore_hybrid)
automap_library(planner NAME planner_inspect LAYER 29 SOURCES inspect_module.cc explain_parameter.cc
  DEPS automap_planner_plan nlohmann_json::nlohmann_json)
automap_library(planner NAME planner_simulate LAYER 29 SOURCES simulate_module_plan.cc
  DEPS automap_planner_explore automap_planner_explore_pipeline automap_simulator_timeline)
automap_library(planner NAME planner_export LAYER 29 SOURCES export_module_plan.cc
  DEPS automap_planner_exporters automap_planner_exporters_stages)
automap_library(planner/strategies LAYER 28 DEPS automap_planner_search automap_planner_explore_hybrid)
automap_library(planner NAME planner LAYER 30 SOURCES plan_module.cc plan_strategies.cc plan_robustly.cc
  DEPS automap_planner_strategies automap_planner_simulate)
