# The server's parts without a server.
add_library(automap_tests_job_store_contract OBJECT tests/contracts/job_store_contract.cc)
target_link_libraries(automap_tests_job_store_contract PUBLIC automap_server_jobs automap_flags GTest::gtest)
automap_test(tests/server/jobs/job_stores_test.cc DEPS automap_server_jobs automap_tests_job_store_contract)
automap_test(tests/server/worker/frames_test.cc DEPS automap_server_worker)
automap_test(tests/server/worker/sandbox_test.cc DEPS automap_server_worker)
automap_test(tests/server/worker/checkpoint_test.cc DEPS automap_server_worker)
automap_test(tests/server/blobs/checkpoint_store_test.cc DEPS automap_server_blobs)
automap_test(tests/server/jobs/group_commit_test.cc DEPS automap_server_jobs)
