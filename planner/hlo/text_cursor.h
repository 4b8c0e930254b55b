// A place in HLO text, and the small readers that everything else is made of.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

// Whitespace and comments (`//` to the end of the line, `/* */`) may stand between any two tokens;
// every reader skips them first. Errors are INVALID_ARGUMENT `line:column: found, must be ...`. The
// text must outlive the cursor.
class TextCursor {
 public:
  explicit TextCursor(absl::string_view text) : text_(text) {}

  // The next character after whitespace and comments, 0 at the end.
  char Peek();
  bool AtEnd() { return Peek() == 0; }
  size_t position() const { return position_; }
  void set_position(size_t position) { position_ = position; }
  absl::string_view rest() const { return text_.substr(position_); }
  absl::string_view text() const { return text_; }

  // Consumes the token if it is next; a word only where it does not go on.
  bool TryConsume(absl::string_view token);
  bool TryConsumeWord(absl::string_view word);
  absl::Status Expect(absl::string_view token);

  // [A-Za-z_][A-Za-z0-9_.-]*, an optional % before it is dropped. "->" is never part of a name.
  absl::StatusOr<absl::string_view> Name();
  absl::StatusOr<int64_t> Integer();
  // A quoted string without its quotes, escapes resolved.
  absl::StatusOr<std::string> String();
  // Characters up to whitespace, comma, brace or parenthesis; for values like 3x3 and
  // b01f_01io->b01f.
  absl::string_view Run();
  // A value of any kind, braces balanced and strings respected, up to the next comma or closing
  // bracket outside it.
  absl::StatusOr<absl::string_view> AnyValue();

  // "line:column: WHAT, must be EXPECTED".
  absl::Status Error(absl::string_view what, absl::string_view expected) const;
  // As Error, with the next few characters for WHAT.
  absl::Status Unexpected(absl::string_view expected);

 private:
  void SkipSpace();

  absl::string_view text_;
  size_t position_ = 0;
};

}  // namespace automap
