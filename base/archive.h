// Values as bytes and back, from one list of fields per class:
//
//   template <typename Self, typename Archive>
//   static void Visit(Self& self, Archive& archive) { archive(self.size_, self.rows_); }
//
// For bytes that the same program wrote on the same machine and that a digest vouches for: there
// are no versions, no byte order, no field names.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace automap {

template <typename T>
concept PlainValue = std::is_arithmetic_v<T> || std::is_enum_v<T>;

// Appends what it is given: numbers, strings, pairs, vectors, maps, and classes with Visit.
class ArchiveWriter {
 public:
  template <typename... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }
  // The first `count` elements of a vector of plain values.
  template <PlainValue T>
  void Prefix(const std::vector<T>& values, int64_t count) {
    Put(count);
    Append(values.data(), static_cast<size_t>(count) * sizeof(T));
  }
  static constexpr bool kReads = false;
  std::string Take() && { return std::move(bytes_); }

 private:
  void Append(const void* data, size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  }
  template <PlainValue T>
  void Put(const T& value) {
    Append(&value, sizeof(value));
  }
  void Put(const std::string& text) {
    Put(static_cast<int64_t>(text.size()));
    Append(text.data(), text.size());
  }
  template <typename A, typename B>
  void Put(const std::pair<A, B>& both) {
    Put(both.first);
    Put(both.second);
  }
  template <typename T>
  void Put(const std::vector<T>& values) {
    if constexpr (PlainValue<T> && !std::is_same_v<T, bool>) {
      Prefix(values, static_cast<int64_t>(values.size()));
    } else {
      Put(static_cast<int64_t>(values.size()));
      for (const auto& value : values) Put(static_cast<const T&>(value));
    }
  }
  template <typename K, typename V>
  void Put(const std::map<K, V>& values) {
    Put(static_cast<int64_t>(values.size()));
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <typename T>
  requires requires(const T& value, ArchiveWriter& archive) { T::Visit(value, archive); }
  void Put(const T& value) { T::Visit(value, *this); }

  std::string bytes_;
};

// Reads what ArchiveWriter wrote. What does not fit, in length or count, makes `is_whole` false and
// leaves the values as they are; nothing is allocated beyond the bytes that are there.
class ArchiveReader {
 public:
  explicit ArchiveReader(absl::string_view bytes) : rest_(bytes) {}

  template <typename... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }
  // Into the first elements of a vector that is as long as it was when it was written; there must
  // have been `count`.
  template <PlainValue T>
  void Prefix(std::vector<T>& values, int64_t count) {
    int64_t written = 0;
    Get(written);
    if (written != count || count < 0 || count > static_cast<int64_t>(values.size())) Fail();
    if (!failed_) Copy(values.data(), static_cast<size_t>(count) * sizeof(T));
  }
  // All was read, and there was no more.
  bool is_whole() const { return !failed_ && rest_.empty(); }
  void Fail() { failed_ = true; }
  static constexpr bool kReads = true;

 private:
  void Copy(void* to, size_t size) {
    if (size > rest_.size()) Fail();
    if (failed_) return;
    if (size > 0) std::memcpy(to, rest_.data(), size);
    rest_.remove_prefix(size);
  }
  // A number of elements of at least `size` bytes each; 0 when so many are not there.
  int64_t Count(size_t size) {
    int64_t count = 0;
    Get(count);
    if (count < 0 || static_cast<uint64_t>(count) > rest_.size() / size) Fail();
    return failed_ ? 0 : count;
  }
  template <PlainValue T>
  void Get(T& value) {
    Copy(&value, sizeof(value));
  }
  void Get(std::string& text) {
    const int64_t size = Count(1);
    text.assign(rest_.data(), static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
  }
  template <typename A, typename B>
  void Get(std::pair<A, B>& both) {
    Get(both.first);
    Get(both.second);
  }
  template <typename T>
  void Get(std::vector<T>& values) {
    if constexpr (PlainValue<T> && !std::is_same_v<T, bool>) {
      values.resize(static_cast<size_t>(Count(sizeof(T))));
      Copy(values.data(), values.size() * sizeof(T));
    } else {
      values.clear();
      for (int64_t left = Count(1); left > 0 && !failed_; --left) {
        T value = {};
        Get(value);
        values.push_back(std::move(value));
      }
    }
  }
  template <typename K, typename V>
  void Get(std::map<K, V>& values) {
    values.clear();
    for (int64_t left = Count(1); left > 0 && !failed_; --left) {
      std::pair<K, V> entry;
      Get(entry);
      values.insert(std::move(entry));
    }
  }
  template <typename T>
  requires requires(T& value, ArchiveReader& archive) { T::Visit(value, archive); }
  void Get(T& value) { T::Visit(value, *this); }

  absl::string_view rest_;
  bool failed_ = false;
};

template <typename... T>
std::string ToArchive(const T&... values) {
  ArchiveWriter archive;
  archive(values...);
  return std::move(archive).Take();
}

// Whether the bytes are one T and nothing else; `value` is left as it is when they are not.
template <typename T>
bool FromArchive(absl::string_view bytes, T& value) {
  T read = value;
  ArchiveReader archive(bytes);
  archive(read);
  if (archive.is_whole()) value = std::move(read);
  return archive.is_whole();
}

}  // namespace automap
