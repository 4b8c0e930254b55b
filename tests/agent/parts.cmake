add_library(automap_test_toys STATIC tests/support/toy_environments.cc)
target_link_libraries(automap_test_toys PUBLIC automap_agent_core PRIVATE automap_flags)
add_library(automap_test_contracts STATIC tests/contracts/environment_contract.cc)
target_link_libraries(automap_test_contracts PUBLIC automap_agent_core absl::status absl::strings
  PRIVATE automap_flags)

automap_test(tests/agent/core/environment_test.cc DEPS automap_test_contracts automap_test_toys)
automap_test(tests/agent/core/random_test.cc DEPS automap_agent_core)
automap_test(tests/agent/replay/sum_tree_test.cc
  DEPS automap_agent_replay rapidcheck rapidcheck_gtest)
automap_test(tests/agent/replay/n_step_test.cc DEPS automap_agent_replay)
automap_test(tests/agent/replay/prioritized_replay_test.cc DEPS automap_agent_replay)
automap_test(tests/agent/rainbow/q_network_test.cc DEPS automap_agent_rainbow)
automap_test(tests/agent/rainbow/learner_test.cc DEPS automap_agent_rainbow)
automap_test(tests/agent/rainbow/rainbow_agent_test.cc DEPS automap_agent_rainbow)
automap_test(tests/agent/rainbow/mutation_test.cc DEPS automap_agent automap_test_toys)
automap_test(tests/agent/rainbow/train_test.cc DEPS automap_agent automap_test_toys)
automap_test(tests/agent/agents_test.cc DEPS automap_agent automap_test_toys)
automap_test(tests/agent/presets_test.cc DEPS automap_agent)
