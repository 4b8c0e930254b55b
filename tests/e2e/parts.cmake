# Tests that run the programs as a person would.
if(TARGET automapd AND TARGET automap-worker)
  add_test(NAME e2e/readme_grpcurl COMMAND Python3::Interpreter
    ${PROJECT_SOURCE_DIR}/tests/e2e/readme_grpcurl_test.py $<TARGET_FILE_DIR:automapd>)
  set_tests_properties(e2e/readme_grpcurl PROPERTIES TIMEOUT 300 LABELS e2e RESOURCE_LOCK default_ports)
  add_test(NAME e2e/api_md COMMAND Python3::Interpreter
    ${PROJECT_SOURCE_DIR}/tests/e2e/api_md_test.py $<TARGET_FILE_DIR:automapd>)
  set_tests_properties(e2e/api_md PROPERTIES TIMEOUT 600 LABELS e2e RESOURCE_LOCK default_ports)
endif()

# The quickstart builds the default preset, so only that one runs it.
if(TARGET automapd AND PROJECT_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build")
  add_test(NAME e2e/quickstart COMMAND ${PROJECT_SOURCE_DIR}/deploy/quickstart)
  set_tests_properties(e2e/quickstart PROPERTIES TIMEOUT 300 LABELS e2e RUN_SERIAL ON)
endif()

# The server as a black box, with a worker whose faults come on demand.
add_executable(fake_worker tests/support/fake_worker.cc)
target_link_libraries(fake_worker PRIVATE automap_server_worker automap_flags)
set_target_properties(fake_worker PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
add_library(automap_tests_server STATIC tests/support/server_test.cc tests/support/http2.cc
  tests/support/processes.cc)
target_link_libraries(automap_tests_server PUBLIC automap_test_files automap_proto_services automap_base absl::time GTest::gtest OpenSSL::SSL PRIVATE automap_flags)
target_include_directories(automap_tests_server PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/gen)
add_library(automap_tests_postgres STATIC tests/support/postgres.cc)
target_link_libraries(automap_tests_postgres PUBLIC automap_tests_server PostgreSQL::PostgreSQL PRIVATE automap_flags)
automap_test(tests/server/jobs/postgres_job_store_test.cc
  DEPS automap_server_jobs automap_tests_job_store_contract automap_tests_postgres)
# automap_server_test(tests/e2e/api_test.cc ...): a test of a running server.
function(automap_server_test source)
  automap_test(${source} DEPS automap_tests_server LABELS e2e ${ARGN})
  string(REGEX REPLACE "^tests/|\\.cc$" "" name ${source})
  string(REPLACE "/" "_" target ${name})
  add_dependencies(${target} fake_worker automapd)
endfunction()
automap_server_test(tests/e2e/server_test.cc)
automap_server_test(tests/e2e/api_test.cc)
automap_server_test(tests/e2e/overload_test.cc)
add_dependencies(e2e_overload_test automap-worker)
automap_server_test(tests/e2e/flood_test.cc TIMEOUT 900)
automap_server_test(tests/e2e/latency_test.cc)
automap_server_test(tests/e2e/sharing_test.cc)
automap_server_test(tests/e2e/soak_test.cc)
automap_server_test(tests/e2e/identity_test.cc)
target_link_libraries(e2e_identity_test PRIVATE automap_server_api)
add_dependencies(e2e_identity_test automap-worker automap)
automap_server_test(tests/e2e/tls_test.cc)
add_dependencies(e2e_tls_test automap)
automap_server_test(tests/e2e/worker_kill_test.cc)
target_link_libraries(e2e_worker_kill_test PRIVATE automap_server_jobs)
add_dependencies(e2e_worker_kill_test automap-worker)
automap_server_test(tests/e2e/deadline_test.cc)
add_dependencies(e2e_deadline_test automap-worker)
automap_server_test(tests/e2e/strategies_test.cc)
add_dependencies(e2e_strategies_test automap-worker)
automap_server_test(tests/e2e/crash_test.cc)
target_link_libraries(e2e_crash_test PRIVATE automap_server_jobs)
automap_server_test(tests/e2e/upgrade_test.cc)
target_link_libraries(e2e_upgrade_test PRIVATE SQLite::SQLite3)
automap_server_test(tests/e2e/disk_test.cc)
add_library(failing_disk MODULE tests/support/failing_disk.cc)
target_link_libraries(failing_disk PRIVATE automap_flags ${CMAKE_DL_LIBS})
set_target_properties(failing_disk PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
add_dependencies(e2e_disk_test failing_disk)
automap_server_test(tests/e2e/replicas_test.cc)
target_link_libraries(e2e_replicas_test PRIVATE automap_tests_postgres automap_server_jobs)

add_test(NAME e2e/cli COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/e2e/cli_test.py $<TARGET_FILE_DIR:automap>)
set_tests_properties(e2e/cli PROPERTIES TIMEOUT 300 LABELS e2e)

add_test(NAME e2e/prometheus COMMAND Python3::Interpreter
  ${PROJECT_SOURCE_DIR}/tests/e2e/prometheus_test.py $<TARGET_FILE_DIR:automapd> $<TARGET_FILE:fake_worker>)
set_tests_properties(e2e/prometheus PROPERTIES TIMEOUT 400 LABELS e2e)

# What is deployed: manifests against schemas and policies, the API's style and compatibility.
foreach(what manifests buf)
  add_test(NAME deploy/${what} COMMAND ${PROJECT_SOURCE_DIR}/tests/deploy/run_node_tests ${what})
  set_tests_properties(deploy/${what} PROPERTIES TIMEOUT 600 RESOURCE_LOCK deploy_tools)
endforeach()
add_test(NAME deploy/sbom COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tests/deploy/sbom_test.py
  $<TARGET_FILE:automapd> $<TARGET_FILE:automap-worker> $<TARGET_FILE:automap> $<TARGET_FILE:torch_learner>)
set_tests_properties(deploy/sbom PROPERTIES TIMEOUT 300)

add_test(NAME e2e/runbook COMMAND Python3::Interpreter
  ${PROJECT_SOURCE_DIR}/tests/e2e/runbook_test.py $<TARGET_FILE_DIR:automapd> $<TARGET_FILE:fake_worker>)
set_tests_properties(e2e/runbook PROPERTIES TIMEOUT 300 LABELS e2e)
