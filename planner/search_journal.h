// What a search has done so far, so that another process can go on with it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace automap {

// A search is a number of parts (one engine on one problem), each named. What has ended is kept as
// its outcome, what runs as its newest state; everything else is worked out again, as it follows
// from the request. When a journal is written depends on a clock, what is in it does not: a search
// that goes on from any of them ends as the undisturbed one.
//
// Thread-safe; parts of different names may run at the same time.
class SearchJournal {
 public:
  using Save = std::function<void(const std::string& journal)>;

  // A part in the works. Of a null journal it knows nothing and keeps nothing.
  class Part {
   public:
    // What the part ended with, empty when it has not.
    const std::string& outcome() const { return outcome_; }
    // Where it was, empty when it has not begun.
    const std::string& state() const { return state_; }
    bool IsDue() const { return journal_ != nullptr && journal_->IsDue(); }
    void Keep(std::string state) const;
    void End(std::string outcome) const;

   private:
    friend class SearchJournal;
    SearchJournal* journal_ = nullptr;
    std::string name_, outcome_, state_;
  };

  // Goes on from `journal`, which an earlier search of the same request gave to its `save`; begins
  // when it is empty or none. `save` gets the whole journal at most every `interval`, and so seldom
  // that writing takes at most `share` of the time; `is_asked`, where there is one, is asked at
  // every step and makes it due at once.
  SearchJournal(absl::string_view journal, absl::Duration interval, Save save, double share = 0.01,
                std::function<bool()> is_asked = nullptr);

  // `name` is counted: a second part of one name is another one.
  static Part Begin(SearchJournal* journal, const std::string& name);

 private:
  struct Entry {
    std::string outcome, state;
    template <typename Self, typename Archive>
    static void Visit(Self& self, Archive& archive) {
      archive(self.outcome, self.state);
    }
  };

  bool IsDue();
  void Set(const std::string& name, Entry entry);

  const absl::Duration interval_;
  const Save save_;
  const double share_;
  const std::function<bool()> is_asked_;
  Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> begun_ ABSL_GUARDED_BY(mutex_);
  absl::Time due_ ABSL_GUARDED_BY(mutex_);
  absl::Time asked_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // since when it is written
};

}  // namespace automap
