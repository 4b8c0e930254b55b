// The exact answer to cutting a chain of layers into pipeline stages on a line of devices: dynamic
// programming over the stages from the last to the first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/units.h"
#include "simulator/pipeline/pipeline.h"

namespace automap {

// What is asked, as functions of ranges [begin, end). All layers and devices are used.
struct CutQuestion {
  int32_t layers = 0, devices = 0, stages = 0, micro_batches = 1;
  // The stage without its transfers and the all-reduce of its gradients; and that. Forward and
  // backward are sums over its layers.
  std::function<PipelineStage(int32_t layer, int32_t layer_end, int32_t device, int32_t device_end)>
      stage;
  std::function<Seconds(int32_t layer, int32_t layer_end, int32_t device, int32_t device_end)>
      gradient_sync;
  // What all-reduce and update of the layers before `layer_end` take at least there: of a stage at
  // least the difference between its ends.
  std::function<Seconds(int32_t layer_end, int32_t device, int32_t device_end)> least_tail;
  // Whether a stage with that many stages after it is legal and fits. With fewer layers a stage
  // needs no more memory: `is_hopeless` says that no stage with these layers and more can be legal.
  std::function<bool(int32_t layer, int32_t layer_end, int32_t device, int32_t device_end,
                     int32_t stages_after)>
      is_legal;
  std::function<bool(int32_t layer, int32_t layer_end, int32_t device, int32_t device_end,
                     int32_t stages_after)>
      is_hopeless;
  // One micro-batch from [device, cut) to [cut, device_end) after `layer_end`.
  std::function<Seconds(int32_t layer_end, int32_t device, int32_t cut, int32_t device_end)> send;
  // Least and most seconds of one micro-batch after `layer_end` into a stage on [cut, device_end),
  // whatever the stage before.
  std::function<Seconds(int32_t layer_end, int32_t cut, int32_t device_end)> least_send, most_send;
  // How many labels (below) a state keeps at most: more take longer and make the bound tighter.
  size_t most_labels = 256;
  // Asked every few dozen stages; null: never. Once it says true the search gives up.
  std::function<bool()> stop = nullptr;
};

// Where stages end.
struct StageEnds {
  std::vector<int32_t> layers, devices;
};

struct CutAnswer {
  bool is_complete = true;  // not stopped; else nothing is found and nothing is bounded
  bool is_found = false;
  StageEnds ends = {};
  Seconds length = {};       // PipelineLength of the cuts
  Seconds lower_bound = {};  // no legal cuts are shorter
  int64_t labels = 0;        // partial answers kept, all together
};

// `known`: the length of legal cuts that are known, to prune with; 0: none. Cuts are found only
// when they are not longer.
//
// A label is a suffix of stages on the layers from i and the devices from d on, and with it all
// that stages before can feel of it, in the words of simulator/pipeline/pipeline_length.h: f and b
// of its first stage; a micro-batch's way through that, its first two and all of it, and back, D;
// when the first stage's last backward ends, T; when the last all-reduce and update end, U; the
// same for a micro-batch that comes last, J; and where its first stage's devices end. T and U count
// from the arrival of the first micro-batch, J from its own. A stage with f, b, u and transfers x
// in front, whose last forward ends at F, makes
//
//   D' = f + b + 2x + D
//   T' = max(F + L, f + b + 2x + T, f + b + 2x + D + (M - 1) x)
//   J' = max(D' + u, f + x + J)
//   U' = max(T' + u, f + x + U, max(F, f + (M - 1) x) + x + J)
//
// F and L wait for the next stage, the next but one and the last. None of them falls when another
// grows, so labels that are worse in all are dropped; between labels whose first stages end on
// different devices, the most that the transfer in front can take of the better one counts against
// the least of the worse one. At the end U is the shortest length but for waits for stages between:
// it is the lower bound, and the labels' true lengths are compared. A state keeps at most
// `most_labels`, fewer where there are many states; beyond that half of them are merged into
// others, each better than all it stands for, which keeps the bound true. A label is dropped, too,
// when it with the least that the stages before it come to (prefix_bounds.h), or with the first
// stage where only that is missing, is longer than `known`: with good cuts at hand hardly any is
// left.
CutAnswer BestCuts(const CutQuestion& question, Seconds known = {0});

// The same without a bound: a state keeps its `width` most promising labels and forgets the others.
CutAnswer BeamCuts(const CutQuestion& question, size_t width, Seconds known = {0});

// All legal cuts that are no longer than `than`: the programme without comparing labels or merging
// them. Nothing where that takes more than `most_labels` of them (a hundred bytes each), or once
// it was stopped.
std::optional<std::vector<StageEnds>> CutsWithin(const CutQuestion& question, Seconds than,
                                                 int64_t most_labels);

}  // namespace automap
