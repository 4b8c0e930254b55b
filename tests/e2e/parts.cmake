# Tests that run the programs as a person would.
if(TARGET automapd AND TARGET automap-worker)
  add_test(NAME e2e/readme_grpcurl COMMAND Python3::Interpreter
    ${PROJECT_SOURCE_DIR}/tests/e2e/readme_grpcurl_test.py $<TARGET_FILE_DIR:automapd>)
  set_tests_properties(e2e/readme_grpcurl PROPERTIES TIMEOUT 300 LABELS e2e RESOURCE_LOCK default_ports)
endif()

# The quickstart builds the default preset, so only that one runs it.
if(TARGET automapd AND PROJECT_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build")
  add_test(NAME e2e/quickstart COMMAND ${PROJECT_SOURCE_DIR}/deploy/quickstart)
  set_tests_properties(e2e/quickstart PROPERTIES TIMEOUT 300 LABELS e2e RUN_SERIAL ON)
endif()
