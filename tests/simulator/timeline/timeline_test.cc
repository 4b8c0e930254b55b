#include "simulator/timeline/timeline.h"

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "simulator/timeline/chrome_trace.h"
#include "simulator/timeline/svg.h"

namespace automap {
namespace {

struct Numbers final : StepNames {
  std::string NameOf(int32_t label) const override { return absl::StrCat("<", label, ">"); }
};

CostModel Model() {
  return *CostModel::Create(*ClusterFromProto(*ClusterPreset("v100x4x1-25gbps")), {{{"x", 4}}, 0});
}

ComputeStep Sweep(double bytes, int label) {
  ComputeStep step;
  step.bytes = {bytes};
  step.label = label;
  return step;
}

Program ThreeSteps() {
  Program program;
  program.steps = {Sweep(1e9, 0), CollectiveStep{CollectiveKind::kAllReduce, 0, {1e8}, 1, 1},
                   Sweep(2e9, 2)};
  program.buffers = {{{100}, 0, 2, BufferRole::kVariable, 0}, {{50}, 1, 1}};
  return program;
}

TEST(ProgramTimeline, CoversTheStepInOrder) {
  const CostModel model = Model();
  const Timeline timeline = ProgramTimeline(model, ThreeSteps(), Numbers(), {0});
  ASSERT_EQ(timeline.events.size(), 3u);
  EXPECT_EQ(timeline.events[0].start.value, 0);
  EXPECT_EQ(timeline.events[1].start, timeline.events[0].end);
  EXPECT_EQ(timeline.events[1].category, TimelineCategory::kCollective);
  EXPECT_EQ(timeline.events[1].name, "ALL_REDUCE <1>");
  EXPECT_EQ(timeline.events[2].end, timeline.length);
  EXPECT_NEAR(timeline.length.value, model.Evaluate(ThreeSteps()).step_time.value, 1e-12);
}

TEST(ProgramTimeline, FollowsTheMemory) {
  const Timeline timeline = ProgramTimeline(Model(), ThreeSteps(), Numbers(), {0});
  std::vector<double> bytes;
  for (const MemoryPoint& point : timeline.memory[0].points) bytes.push_back(point.bytes.value);
  EXPECT_EQ(bytes, (std::vector<double>{100, 150, 100}));
}

TEST(ProgramTimeline, JoinsShortNeighbours) {
  Program program;
  for (int i = 0; i < 100; ++i) program.steps.push_back(Sweep(i == 50 ? 2e4 : 1e4, i));
  program.steps.push_back(CollectiveStep{CollectiveKind::kAllReduce, 0, {1e8}, 1, 1});
  const Timeline timeline = ProgramTimeline(Model(), program, Numbers(), {1});
  ASSERT_EQ(timeline.events.size(), 2u);
  EXPECT_EQ(timeline.events[0].name, "<50> and 99 more");
}

Timeline OfPipeline() {
  Pipeline pipeline = {{}, 3, 1};
  for (int s = 0; s < 2; ++s) {
    PipelineStage& stage = pipeline.stages.emplace_back();
    stage.forward = {1}, stage.backward = {2}, stage.send = stage.send_back = {0.25};
    stage.resident = {100}, stage.activations = {10};
  }
  return PipelineTimeline(pipeline,
                          *SimulatePipeline(pipeline, *FindPipelineSchedule("1F1B"), true));
}

TEST(PipelineTimeline, HasARowForEachStageAndItsLinks) {
  const Timeline timeline = OfPipeline();
  EXPECT_EQ(timeline.rows, (std::vector<std::string>{"stage 0", "stage 0 sends", "stage 1",
                                                     "stage 1 sends back"}));
  for (size_t i = 1; i < timeline.events.size(); ++i) {
    const TimelineEvent &before = timeline.events[i - 1], &event = timeline.events[i];
    ASSERT_TRUE(event.row > before.row || event.start >= before.end);
  }
  double most = 0;
  for (const MemoryPoint& point : timeline.memory[0].points)
    most = std::max(most, point.bytes.value);
  EXPECT_EQ(most, 120) << "two micro-batches in flight";
}

TEST(ForEachDevice, RepeatsTheRows) {
  const Timeline one = ProgramTimeline(Model(), ThreeSteps(), Numbers(), {0});
  const Timeline four = ForEachDevice(one, 4, 3);
  EXPECT_EQ(four.rows, (std::vector<std::string>{"device 0", "device 1", "device 2"}));
  EXPECT_EQ(four.events.size(), 9u);
}

TEST(ChromeTrace, IsWhatPerfettoReads) {
  const auto json = nlohmann::json::parse(ChromeTrace(OfPipeline()));
  double busy = 0;
  std::set<int> threads;
  for (const auto& event : json["traceEvents"]) {
    if (event["ph"] != "X") continue;
    EXPECT_GE(event["ts"].get<double>(), 0);
    threads.insert(event["tid"].get<int>());
    if (event["cat"] == "forward" || event["cat"] == "backward") busy += event["dur"].get<double>();
  }
  EXPECT_NEAR(busy, 2 * 3 * 3e6, 1);
  EXPECT_EQ(threads.size(), 4u);
  EXPECT_EQ(ChromeTrace(OfPipeline()), ChromeTrace(OfPipeline()));
}

// What Perfetto's importer of JSON demands (src/trace_processor/importers/json): a phase, a process
// and a thread as whole numbers above 0, times in microseconds that are whole nanoseconds, names
// that are no empty strings, counters whose arguments are numbers; and slices of one thread that
// nest or lie apart, since of two that cross it drops one.
void CheckTrace(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  const auto nanoseconds = [](const nlohmann::json& time) {
    EXPECT_TRUE(time.is_number()) << time;
    const double exact = time.get<double>() * 1e3;
    EXPECT_NEAR(exact, std::round(exact), 1e-3) << time;
    EXPECT_GE(exact, 0);
    return std::llround(exact);
  };
  std::map<int, std::vector<std::pair<int64_t, int64_t>>> slices;
  std::set<int> named;
  for (const auto& event : json["traceEvents"]) {
    ASSERT_TRUE(event["ph"].is_string() && event["name"].is_string()) << event;
    EXPECT_NE(event["name"], "");
    EXPECT_GT(event["pid"].get<int>(), 0);
    if (event.contains("tid")) {
      EXPECT_GT(event["tid"].get<int>(), 0);
    }
    if (event["name"] == "thread_name") named.insert(event["tid"].get<int>());
    if (event["ph"] == "M") {
      EXPECT_TRUE(event["args"].is_object());
    } else if (event["ph"] == "C") {
      nanoseconds(event["ts"]);
      for (const auto& value : event["args"]) EXPECT_TRUE(value.is_number()) << event;
    } else {
      ASSERT_EQ(event["ph"], "X");
      EXPECT_TRUE(event["cat"].is_string());
      const int64_t start = nanoseconds(event["ts"]);
      slices[event["tid"].get<int>()].emplace_back(start, start + nanoseconds(event["dur"]));
    }
  }
  for (auto& [thread, all] : slices) {
    EXPECT_TRUE(named.contains(thread));
    std::sort(all.begin(), all.end());
    for (size_t i = 1; i < all.size(); ++i)
      EXPECT_TRUE(all[i].first >= all[i - 1].second || all[i].second <= all[i - 1].second)
          << thread << ": " << all[i - 1].second << " " << all[i].first;
  }
}

TEST(ChromeTrace, IsValidForEveryScheduleOfUnevenStages) {
  std::mt19937 random(7);
  const auto uniform = [&](double most) { return Seconds{most * random() / 4294967296.0}; };
  for (const auto& row : PipelineScheduleCatalog()) {
    for (int trial = 0; trial < 20; ++trial) {
      Pipeline pipeline = {{}, 12, 1};
      for (int s = 0; s < 4; ++s) {
        pipeline.stages.push_back({uniform(1e-3), uniform(2e-3), uniform(1e-3), uniform(1e-3),
                                   uniform(1e-2), uniform(1e-4), Bytes{1e9}, Bytes{1e8}});
      }
      if (std::string(row.name) == "INTERLEAVED_1F1B") pipeline.chunks = 2;
      CheckTrace(ChromeTrace(
          PipelineTimeline(pipeline, *SimulatePipeline(pipeline, *row.schedule, true))));
    }
  }
  Program program;
  for (int i = 0; i < 1000; ++i) program.steps.push_back(Sweep(1e5 * (1 + random() % 100), i));
  CheckTrace(
      ChromeTrace(ForEachDevice(ProgramTimeline(Model(), program, Numbers(), {1e-5}), 4, 64)));
}

TEST(SvgPicture, EscapesNamesAndShowsTheLimit) {
  Timeline timeline = ProgramTimeline(Model(), ThreeSteps(), Numbers(), {0});
  timeline.title = "a < b & \"c\"";
  timeline.memory_limit = {200};
  const std::string svg = SvgPicture(timeline);
  EXPECT_TRUE(absl::StrContains(svg, "<title>a &lt; b &amp; &quot;c&quot;</title>"));
  EXPECT_TRUE(absl::StrContains(svg, "class=\"limit\""));
  EXPECT_EQ(svg, SvgPicture(timeline));
}

TEST(SvgPicture, NamesEveryStagesCurve) {
  const std::string svg = SvgPicture(OfPipeline());
  for (const char* name : {">stage 0</text>", ">stage 1</text>"}) {
    const size_t row = svg.find(name);
    ASSERT_NE(row, std::string::npos);
    EXPECT_NE(svg.find(name, row + 1), std::string::npos) << name << ": its row's, and its curve's";
  }
}

TEST(SvgPicture, StaysSmallForManyEvents) {
  Program program;
  for (int i = 0; i < 100000; ++i) program.steps.push_back(Sweep(1e4, i));
  for (int i = 0; i < 100000; ++i) program.buffers.push_back({{double(i % 7)}, i, i});
  const std::string svg = SvgPicture(ProgramTimeline(Model(), program, Numbers(), {0}));
  EXPECT_LT(svg.size(), 400000u);
}

}  // namespace
}  // namespace automap
