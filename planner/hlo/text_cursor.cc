#include "planner/hlo/text_cursor.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || (c >= '0' && c <= '9') || c == '.' || c == '-'; }
bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

void TextCursor::SkipSpace() {
  while (position_ < text_.size()) {
    if (IsSpace(text_[position_])) {
      ++position_;
    } else if (text_[position_] == '/' && text_.substr(position_, 2) == "//") {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (text_[position_] == '/' && text_.substr(position_, 2) == "/*") {
      const size_t end = text_.find("*/", position_ + 2);
      position_ = end == absl::string_view::npos ? text_.size() : end + 2;
    } else {
      return;
    }
  }
}

char TextCursor::Peek() {
  SkipSpace();
  return position_ < text_.size() ? text_[position_] : 0;
}

bool TextCursor::TryConsume(absl::string_view token) {
  SkipSpace();
  if (text_.substr(position_, token.size()) != token) return false;
  position_ += token.size();
  return true;
}

bool TextCursor::TryConsumeWord(absl::string_view word) {
  SkipSpace();
  if (text_.substr(position_, word.size()) != word) return false;
  const size_t end = position_ + word.size();
  if (end < text_.size() && (IsNamePart(text_[end]) || text_[end] == '=')) return false;
  position_ = end;
  return true;
}

absl::Status TextCursor::Expect(absl::string_view token) {
  if (TryConsume(token)) return absl::OkStatus();
  return Unexpected(absl::StrCat("'", token, "'"));
}

absl::StatusOr<absl::string_view> TextCursor::Name() {
  SkipSpace();
  size_t begin = position_;
  if (begin < text_.size() && text_[begin] == '%') ++begin;
  size_t end = begin;
  // After % a name may start with a digit or be a reserved word.
  if (end < text_.size() &&
      (IsNameStart(text_[end]) || (begin > position_ && IsNamePart(text_[end])))) {
    while (end < text_.size() && IsNamePart(text_[end]) && text_.substr(end, 2) != "->") ++end;
  }
  if (end == begin) return Unexpected("a name");
  position_ = end;
  return text_.substr(begin, end - begin);
}

absl::StatusOr<int64_t> TextCursor::Integer() {
  SkipSpace();
  size_t end = position_;
  if (end < text_.size() && text_[end] == '-') ++end;
  while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
  int64_t value = 0;
  if (!absl::SimpleAtoi(text_.substr(position_, end - position_), &value))
    return Unexpected("an integer");
  position_ = end;
  return value;
}

absl::StatusOr<std::string> TextCursor::String() {
  const char quote = Peek();
  if (quote != '"' && quote != '\'') return Unexpected("a string");
  size_t end = position_ + 1;
  bool escaped = false;
  while (end < text_.size() && text_[end] != quote) {
    escaped |= text_[end] == '\\';
    end += text_[end] == '\\' ? 2 : 1;
  }
  if (end >= text_.size()) return Error("a string without end", "closed by its quote");
  const absl::string_view raw = text_.substr(position_ + 1, end - position_ - 1);
  position_ = end + 1;
  if (!escaped) return std::string(raw);
  std::string value;
  return absl::CUnescape(raw, &value) ? value : std::string(raw);
}

absl::string_view TextCursor::Run() {
  SkipSpace();
  const size_t begin = position_;
  while (position_ < text_.size() && !IsSpace(text_[position_]) &&
         std::strchr(",{}()", text_[position_]) == nullptr)
    ++position_;
  return text_.substr(begin, position_ - begin);
}

absl::StatusOr<absl::string_view> TextCursor::AnyValue() {
  SkipSpace();
  const size_t begin = position_;
  int64_t depth = 0;
  bool quoted = false;
  for (; position_ < text_.size(); ++position_) {
    const char c = text_[position_];
    if (quoted) {
      if (c == '\\') ++position_;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '(' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ')' || c == ']') {
      if (depth == 0) break;
      --depth;
    } else if (depth == 0 && (c == ',' || c == '\n')) {
      break;
    }
  }
  position_ = std::min(position_, text_.size());
  if (depth > 0 || quoted) {
    position_ = begin;
    return Error("a value without end", "closed by its bracket or quote");
  }
  return text_.substr(begin, position_ - begin);
}

absl::Status TextCursor::Error(absl::string_view what, absl::string_view expected) const {
  const absl::string_view before = text_.substr(0, position_);
  const size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = position_ - (newline == absl::string_view::npos ? 0 : newline + 1) + 1;
  return absl::InvalidArgumentError(
      absl::StrCat(line, ":", column, ": ", what, ", must be ", expected));
}

absl::Status TextCursor::Unexpected(absl::string_view expected) {
  SkipSpace();
  absl::string_view next = rest().substr(0, 24);
  next = next.substr(0, next.find('\n'));
  return Error(next.empty() ? std::string("the end of the text")
                            : absl::StrCat("\"", absl::CHexEscape(next), "\""),
               expected);
}

}  // namespace automap
