automap_test(tests/simulator/cluster_test.cc DEPS automap_simulator_cluster)
automap_test(tests/simulator/evaluate_test.cc DEPS automap_simulator)
