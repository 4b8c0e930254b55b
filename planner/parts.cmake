automap_library(planner/hlo LAYER 20 DEPS automap_base automap_proto_xla ZLIB::ZLIB OpenSSL::Crypto)
automap_library(planner/graph LAYER 21 DEPS automap_planner_hlo)
automap_library(planner/rules LAYER 22 DEPS automap_planner_graph)
automap_library(planner/propagation LAYER 23 DEPS automap_planner_rules)
