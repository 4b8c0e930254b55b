#include "planner/search_journal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/archive.h"
#include "base/steady_clock.h"

namespace automap {

SearchJournal::SearchJournal(absl::string_view journal, absl::Duration interval, Save save,
                             double share, std::function<bool()> is_asked)
    : interval_(interval),
      save_(std::move(save)),
      share_(share),
      is_asked_(std::move(is_asked)),
      due_(SteadyNow() + interval) {
  FromArchive(journal, entries_);
}

SearchJournal::Part SearchJournal::Begin(SearchJournal* journal, const std::string& name) {
  Part part;
  if (journal == nullptr) return part;
  MutexLock lock(journal->mutex_);
  part.journal_ = journal;
  part.name_ = absl::StrCat(name, "#", ++journal->begun_[name]);
  if (const auto entry = journal->entries_.find(part.name_); entry != journal->entries_.end()) {
    part.outcome_ = entry->second.outcome;
    part.state_ = entry->second.state;
  }
  return part;
}

bool SearchJournal::IsDue() {
  MutexLock lock(mutex_);
  const absl::Time now = SteadyNow();
  if (is_asked_ && is_asked_()) due_ = std::min(due_, now);
  if (now < due_) return false;
  asked_ = std::min(asked_, now);
  return true;
}

void SearchJournal::Set(const std::string& name, Entry entry) {
  MutexLock lock(mutex_);
  entries_[name] = std::move(entry);
  if (SteadyNow() < due_) return;
  const absl::Time begin = std::min(std::exchange(asked_, absl::InfiniteFuture()), SteadyNow());
  save_(ToArchive(entries_));
  const absl::Time end = SteadyNow();
  due_ = end + std::max(interval_, (end - begin) / share_);
}

void SearchJournal::Part::Keep(std::string state) const {
  if (journal_ != nullptr) journal_->Set(name_, {"", std::move(state)});
}

void SearchJournal::Part::End(std::string outcome) const {
  if (journal_ != nullptr) journal_->Set(name_, {std::move(outcome), ""});
}

}  // namespace automap
