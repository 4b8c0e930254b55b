// One input of one fuzz target. Built by GCC with a main that runs the kept corpus, as an ordinary
// test, and by clang with libFuzzer, which searches for more (tests/fuzz/run).
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
