#include "base/sha256.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

// FIPS 180-4's example.
TEST(Sha256, IsTheStandards) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, InPiecesIsTheSame) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.Hex(), Sha256Hex("abc"));
}

}  // namespace
}  // namespace automap
