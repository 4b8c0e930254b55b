#include "base/archive.h"

#include "base/units.h"
#include "gtest/gtest.h"

namespace automap {
namespace {

struct Everything {
  int64_t number = 0;
  bool flag = false;
  std::string text;
  std::vector<float> floats;
  std::vector<bool> bits;
  std::vector<std::pair<int64_t, Seconds>> curve;
  std::map<std::string, std::string> entries;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.number, self.flag, self.text, self.floats, self.bits, self.curve, self.entries);
  }
  bool operator==(const Everything&) const = default;
};

Everything Sample() {
  return {-7, true, "text", {1.5f, -2}, {true, false, true}, {{3, Seconds{0.25}}}, {{"a", "b"}}};
}

TEST(Archive, GivesBackWhatWasWritten) {
  Everything read;
  ASSERT_TRUE(FromArchive(ToArchive(Sample()), read));
  EXPECT_EQ(read, Sample());
}

TEST(Archive, WhatIsTooShortOrTooLongIsRefusedAndChangesNothing) {
  const std::string bytes = ToArchive(Sample());
  Everything read;
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(FromArchive(bytes.substr(0, size), read)) << size;
  EXPECT_FALSE(FromArchive(bytes + "x", read));
  EXPECT_EQ(read, Everything());
}

// Whatever the counts say, nothing is read or allocated beyond the bytes.
TEST(Archive, ForeignBytesAreHarmless) {
  const std::string bytes = ToArchive(Sample());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      Everything read;
      FromArchive(changed, read);
    }
  }
}

TEST(Archive, PrefixesGoIntoVectorsThatAreLongEnoughOnly) {
  const std::vector<int> numbers = {1, 2, 3, 4};
  ArchiveWriter writer;
  writer.Prefix(numbers, 3);
  const std::string bytes = std::move(writer).Take();
  std::vector<int> read(4, 0);
  ArchiveReader reader(bytes);
  reader.Prefix(read, 3);
  EXPECT_TRUE(reader.is_whole());
  EXPECT_EQ(read, (std::vector<int>{1, 2, 3, 0}));
  std::vector<int> small(2, 0);
  ArchiveReader again(bytes);
  again.Prefix(small, 3);
  EXPECT_FALSE(again.is_whole());
}

}  // namespace
}  // namespace automap
