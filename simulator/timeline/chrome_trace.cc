#include "simulator/timeline/chrome_trace.h"

#include <cmath>

#include "nlohmann/json.hpp"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kProcess = 1;

// Thread 0 of Linux is the idle one, and a viewer may treat it so.
size_t ThreadOf(size_t row) { return row + 1; }

// Microseconds with a nanosecond's resolution: short, and the same everywhere.
double Microseconds(Seconds time) { return std::round(time.value * 1e9) / 1e3; }

}  // namespace

std::string ChromeTrace(const Timeline& timeline) {
  Json events = Json::array();
  events.push_back({{"name", "process_name"},
                    {"ph", "M"},
                    {"pid", kProcess},
                    {"args", {{"name", timeline.title}}}});
  for (size_t row = 0; row < timeline.rows.size(); ++row) {
    events.push_back({{"name", "thread_name"},
                      {"ph", "M"},
                      {"pid", kProcess},
                      {"tid", ThreadOf(row)},
                      {"args", {{"name", timeline.rows[row]}}}});
    events.push_back({{"name", "thread_sort_index"},
                      {"ph", "M"},
                      {"pid", kProcess},
                      {"tid", ThreadOf(row)},
                      {"args", {{"sort_index", row}}}});
  }
  for (const TimelineEvent& event : timeline.events) {
    const double start = Microseconds(event.start);
    events.push_back({{"name", event.name},
                      {"cat", TimelineCategoryName(event.category)},
                      {"ph", "X"},
                      {"ts", start},
                      {"dur", std::round((Microseconds(event.end) - start) * 1e3) / 1e3},
                      {"pid", kProcess},
                      {"tid", ThreadOf(event.row)}});
  }
  for (const MemoryProfile& profile : timeline.memory) {
    for (const MemoryPoint& point : profile.points) {
      events.push_back({{"name", "memory of " + profile.name},
                        {"ph", "C"},
                        {"ts", Microseconds(point.time)},
                        {"pid", kProcess},
                        {"args", {{"bytes", static_cast<int64_t>(point.bytes.value)}}}});
    }
  }
  return Json{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace automap
