#include "simulator/timeline/svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace automap {
namespace {

constexpr double kWidth = 1200, kLeft = 130, kRight = 20, kTop = 56;
constexpr double kRowHeight = 26, kRowGap = 6, kMemoryHeight = 150, kBottom = 44;
constexpr double kNarrowest = 1.0;  // pixels of an event of its own
constexpr double kLetter = 6.2;     // pixels
constexpr double kLine = 18;        // pixels from one line of names to the next
constexpr double kSample = 40;      // pixels of a curve beside its name
constexpr double kFarLimit = 2.5;   // times the peak: a limit further up is told, not drawn
constexpr TimelineCategory kCategories[] = {
    TimelineCategory::kCompute,    TimelineCategory::kForward,  TimelineCategory::kBackward,
    TimelineCategory::kCollective, TimelineCategory::kTransfer, TimelineCategory::kUpdate};

std::string Escaped(absl::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        // Control characters have no place in XML.
        escaped += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
    }
  }
  return escaped;
}

std::string DurationText(double seconds) {
  if (seconds == 0) return "0";
  if (seconds >= 1) return absl::StrFormat("%.4g s", seconds);
  if (seconds >= 1e-3) return absl::StrFormat("%.4g ms", seconds * 1e3);
  return absl::StrFormat("%.4g us", seconds * 1e6);
}

// The largest of 1, 2, 5 times a power of ten of which at least `least` fit into the length.
double TickOf(double length, int least) {
  double tick = std::pow(10, std::floor(std::log10(length / least)));
  for (const double factor : {5.0, 2.0}) {
    if (length / (tick * factor) >= least) return tick * factor;
  }
  return tick;
}

class SvgWriter {
 public:
  explicit SvgWriter(const Timeline& timeline)
      : timeline_(timeline), length_(std::max(timeline.length.value, 1e-12)) {}

  std::string Write() {
    Header();
    Legend();
    for (size_t row = 0; row < timeline_.rows.size(); ++row) {
      Text(kLeft - 8, RowTop(row) + kRowHeight * 0.68, "end", timeline_.rows[row]);
      absl::StrAppendFormat(&out_,
                            "<rect class=\"idle\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                            "height=\"%.1f\"/>\n",
                            kLeft, RowTop(row), kWidth - kLeft - kRight, kRowHeight);
    }
    TimeAxis();
    Events();
    if (!timeline_.memory.empty()) Memory();
    return absl::StrCat(out_, "</svg>\n");
  }

 private:
  double X(double seconds) const {
    return kLeft + (kWidth - kLeft - kRight) * std::clamp(seconds / length_, 0.0, 1.0);
  }
  static double RowTop(size_t row) { return kTop + row * (kRowHeight + kRowGap); }
  double RowsBottom() const { return RowTop(timeline_.rows.size()); }
  double MemoryTop() const { return RowsBottom() + kBottom; }
  double MemoryBottom() const { return MemoryTop() + kMemoryHeight; }
  // Below the memory its curves are named, several to a line; one alone needs no name.
  size_t NamesPerLine() const {
    size_t longest = 0;
    for (const MemoryProfile& profile : timeline_.memory)
      longest = std::max(longest, profile.name.size());
    const double width = kSample + kLetter * static_cast<double>(longest) + 30;
    return std::max<size_t>(1, static_cast<size_t>((kWidth - kLeft - kRight) / width));
  }
  size_t NameLines() const {
    const size_t count = timeline_.memory.size();
    return count < 2 ? 0 : (count - 1) / NamesPerLine() + 1;
  }

  void Header() {
    const double height = timeline_.memory.empty()
                              ? RowsBottom() + kBottom
                              : MemoryBottom() + kLine * static_cast<double>(NameLines() + 1);
    absl::StrAppendFormat(
        &out_,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 "
        "%.0f %.0f\" font-family=\"sans-serif\" font-size=\"11\">\n"
        "<title>%s</title>\n<defs>\n"
        "<pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
        "patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"#fff\"/><line "
        "x1=\"0\" y1=\"0\" x2=\"0\" y2=\"5\" stroke=\"#000\" stroke-width=\"2\"/></pattern>\n"
        "<pattern id=\"dots\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><rect "
        "width=\"4\" height=\"4\" fill=\"#fff\"/><circle cx=\"2\" cy=\"2\" r=\"1\"/></pattern>\n"
        "</defs>\n<style>rect{stroke:#000;stroke-width:.5}.idle{fill:#fff;stroke:#bbb}"
        ".compute{fill:#ddd}.forward{fill:#fff}.backward{fill:#aaa}.collective{fill:url(#hatch)}"
        ".transfer{fill:url(#dots)}.update{fill:#333}.light{fill:#fff}"
        ".axis{stroke:#999;stroke-width:.5;fill:none}.limit{stroke:#000;stroke-dasharray:6 4}"
        "</style>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\" stroke=\"none\"/>\n",
        kWidth, height, kWidth, height, Escaped(timeline_.title), kWidth, height);
    absl::StrAppendFormat(&out_, "<text x=\"%.0f\" y=\"18\" font-size=\"14\">%s</text>\n", kLeft,
                          Escaped(timeline_.title));
  }

  void Legend() {
    double x = kLeft;
    for (const TimelineCategory category : kCategories) {
      const bool is_used =
          std::any_of(timeline_.events.begin(), timeline_.events.end(),
                      [&](const TimelineEvent& event) { return event.category == category; });
      if (!is_used) continue;
      const char* name = TimelineCategoryName(category);
      absl::StrAppendFormat(
          &out_, "<rect class=\"%s\" x=\"%.1f\" y=\"28\" width=\"14\" height=\"12\"/>\n", name, x);
      Text(x + 20, 38, "start", name);
      x += 34 + kLetter * static_cast<double>(std::string(name).size()) + 14;
    }
  }

  void Text(double x, double y, const char* anchor, absl::string_view text,
            const char* style = "") {
    absl::StrAppendFormat(&out_, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x,
                          y, anchor, style, Escaped(text));
  }

  // Neighbours of one row and category that are too narrow are drawn together.
  void Events() {
    const auto& events = timeline_.events;
    for (size_t i = 0; i < events.size();) {
      const TimelineEvent& first = events[i];
      double end = first.end.value;
      size_t next = i + 1;
      while (next < events.size() && events[next].row == first.row &&
             std::max(X(end), X(events[next].start.value)) - X(first.start.value) < kNarrowest) {
        end = std::max(end, events[next++].end.value);
      }
      Event(first, end, next - i);
      i = next;
    }
  }

  void Event(const TimelineEvent& event, double end, size_t count) {
    const double x = X(event.start.value), width = X(end) - x, y = RowTop(event.row);
    const std::string name =
        count == 1 ? event.name : absl::StrCat(event.name, " and ", count - 1, " more");
    absl::StrAppendFormat(&out_,
                          "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" "
                          "height=\"%.1f\"><title>%s, %s</title></rect>\n",
                          TimelineCategoryName(event.category), x, y, width, kRowHeight,
                          Escaped(name), DurationText(end - event.start.value));
    const bool is_plain = event.category != TimelineCategory::kCollective &&
                          event.category != TimelineCategory::kTransfer;
    if (is_plain && width > kLetter * static_cast<double>(name.size()) + 4) {
      Text(x + width / 2, y + kRowHeight * 0.68, "middle", name,
           event.category == TimelineCategory::kUpdate ? " class=\"light\"" : "");
    }
  }

  void TimeAxis() {
    const double tick = TickOf(length_, 5), y = RowsBottom();
    for (int i = 0; i * tick <= length_ * (1 + 1e-9); ++i) {
      absl::StrAppendFormat(&out_, "<path class=\"axis\" d=\"M%.1f %.1fV%.1f\"/>\n", X(i * tick),
                            kTop - 4, y + 4);
      Text(X(i * tick), y + 16, "middle", DurationText(i * tick));
    }
  }

  // Of thousands of points within a pixel the highest, the lowest and the last are drawn.
  std::string Path(const MemoryProfile& profile, double most) const {
    const auto y_of = [&](double bytes) { return MemoryBottom() - kMemoryHeight * bytes / most; };
    std::string path;
    for (size_t i = 0; i < profile.points.size();) {
      const double pixel = std::round(X(profile.points[i].time.value));
      double low = profile.points[i].bytes.value, high = low, last = low;
      for (; i < profile.points.size(); ++i) {
        if (std::round(X(profile.points[i].time.value)) != pixel) break;
        last = profile.points[i].bytes.value;
        low = std::min(low, last), high = std::max(high, last);
      }
      if (path.empty()) {
        absl::StrAppendFormat(&path, "M%.0f %.1f", pixel, y_of(high));
      } else {
        absl::StrAppendFormat(&path, "H%.0fV%.1f", pixel, y_of(high));
      }
      absl::StrAppendFormat(&path, "V%.1fV%.1f", y_of(low), y_of(last));
    }
    return absl::StrCat(path, absl::StrFormat("H%.1f", X(length_)));
  }

  void Memory() {
    double most = 0;
    for (const MemoryProfile& profile : timeline_.memory) {
      for (const MemoryPoint& point : profile.points) most = std::max(most, point.bytes.value);
    }
    if (most <= 0) return;
    const double limit = timeline_.memory_limit.value;
    const bool shows_limit = limit > 0 && limit < kFarLimit * most;
    if (shows_limit) most = std::max(most, limit);
    most *= 1.05;
    const auto y_of = [&](double bytes) { return MemoryBottom() - kMemoryHeight * bytes / most; };
    absl::StrAppendFormat(&out_, "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", kLeft,
                          MemoryTop(), MemoryBottom(), kWidth - kRight);
    Text(kLeft - 8, MemoryTop() - 12, "end", "memory, GiB");
    const double tick = TickOf(most / (1 << 30), 3);
    for (int i = 0; i * tick * (1 << 30) <= most; ++i) {
      Text(kLeft - 8, y_of(i * tick * (1 << 30)) + 4, "end", absl::StrFormat("%g", i * tick));
    }
    const std::string limit_text = absl::StrFormat("limit %.4g GiB", limit / (1 << 30));
    if (shows_limit) {
      absl::StrAppendFormat(&out_, "<path class=\"limit\" d=\"M%.1f %.1fH%.1f\"/>\n", kLeft,
                            y_of(limit), kWidth - kRight);
    }
    if (limit > 0)
      Text(kWidth - kRight, shows_limit ? y_of(limit) - 3 : MemoryTop() - 12, "end", limit_text);
    for (size_t i = 0; i < timeline_.memory.size(); ++i) {
      absl::StrAppendFormat(
          &out_,
          "<path fill=\"none\" stroke=\"#000\" stroke-width=\"1.2\" stroke-dasharray=\"%s\" "
          "d=\"%s\"><title>%s</title></path>\n",
          Dashes(i), Path(timeline_.memory[i], most), Escaped(timeline_.memory[i].name));
    }
    MemoryNames();
  }

  static const char* Dashes(size_t i) {
    static constexpr const char* kDashes[] = {"none", "2 2", "7 3", "12 3 2 3", "1 4", "16 5"};
    return kDashes[i % std::size(kDashes)];
  }

  void MemoryNames() {
    if (NameLines() == 0) return;
    const size_t each = NamesPerLine();
    const double width = (kWidth - kLeft - kRight) / static_cast<double>(each);
    for (size_t i = 0; i < timeline_.memory.size(); ++i) {
      const double x = kLeft + width * static_cast<double>(i % each);
      const double y = MemoryBottom() + kLine * static_cast<double>(i / each + 1);
      absl::StrAppendFormat(&out_,
                            "<path fill=\"none\" stroke=\"#000\" stroke-width=\"1.2\" "
                            "stroke-dasharray=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n",
                            Dashes(i), x, y - 4, x + kSample);
      Text(x + kSample + 6, y, "start", timeline_.memory[i].name);
    }
  }

  const Timeline& timeline_;
  const double length_;
  std::string out_;
};

}  // namespace

std::string SvgPicture(const Timeline& timeline) { return SvgWriter(timeline).Write(); }

}  // namespace automap
