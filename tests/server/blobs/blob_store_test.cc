// A module on disk is the one that was uploaded, or none.
#include "server/blobs/blob_store.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace automap {
namespace {

class BlobStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / absl::StrCat("automap-blobs-", getpid());
    auto store = BlobStore::Open(folder_.string(), 1 << 20);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::unique_ptr<BlobStore> store_;
};

// One bit, a block, the end: whatever happened to the file, it is noticed and put aside.
TEST_F(BlobStoreTest, WhateverHappensToAFileIsNoticed) {
  std::mt19937 random(16);
  std::string bytes(3000, 0);
  for (char& byte : bytes) byte = static_cast<char>(random());
  const auto module = store_->Add(bytes, "ann");
  ASSERT_TRUE(module.ok()) << module.status();
  for (int round = 0; round < 10'000 && !HasFailure(); ++round) {
    std::string changed = bytes;
    const size_t at = random() % bytes.size();
    if (round % 3 == 0) changed[at] = static_cast<char>(changed[at] ^ (1 << random() % 8));
    if (round % 3 == 1) changed.resize(at);
    if (round % 3 == 2) changed.replace(at, 100, std::string(random() % 200, 'x'));
    std::ofstream(folder_ / module->sha256(), std::ios::binary) << changed;
    std::filesystem::remove(folder_ / ("damaged-" + module->sha256()));  // replacing it syncs
    if (changed == bytes) continue;
    EXPECT_EQ(store_->Read(module->sha256()).status().code(), absl::StatusCode::kDataLoss) << round;
    EXPECT_EQ(store_->Get(module->sha256()).status().code(), absl::StatusCode::kNotFound) << round;
  }
}

TEST_F(BlobStoreTest, ADamagedModuleIsUploadedAgainAndNotCountedTwice) {
  const std::string bytes(700 << 10, 'x');  // of the megabyte that there is
  for (int round = 0; round < 3; ++round) {
    const auto module = store_->Add(bytes, "ann");
    ASSERT_TRUE(module.ok()) << module.status();
    const auto read = store_->Read(module->sha256());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(*read == bytes);
    std::fstream file(folder_ / module->sha256(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000).put('y');
    file.close();
    EXPECT_EQ(store_->Read(module->sha256()).status().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace automap
