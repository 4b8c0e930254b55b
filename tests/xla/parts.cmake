# XLA as the referee of plans: a subset that takes a minute; tests/xla/run without arguments judges everything. Needs
# PyPI the first time. It uses the programs of the default build.
if(PROJECT_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build")
  add_test(NAME xla/referee COMMAND ${PROJECT_SOURCE_DIR}/tests/xla/run --quick)
  set_tests_properties(xla/referee PROPERTIES TIMEOUT 1200 LABELS xla)
endif()
