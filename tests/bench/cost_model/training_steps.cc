#include "tests/bench/cost_model/training_steps.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "simulator/evaluate.h"

namespace automap {
namespace {

using Json = nlohmann::json;

constexpr double kGib = 1 << 30;

// A row's error at each scale.
std::vector<double> ErrorsByScale(const PublishedRow& row) {
  std::vector<double> errors;
  for (const double scale : FitScales())
    errors.push_back(ErrorOf(row.Choices(scale).front().prediction.time.value, row.measured()));
  return errors;
}

std::string ChoiceText(const Choice& choice, size_t count) {
  std::string text = absl::StrFormat("b=%d v=%d", choice.micro_batch, choice.interleave);
  if (count > 1)
    absl::StrAppend(&text, " t=", choice.tensor, " d=", choice.data, " p=", choice.pipeline);
  return text;
}

}  // namespace

TrainingSteps::TrainingSteps(const Json& document) : document_(document) {
  const Json stacks = document.value("stacks", Json::object());
  for (const Json& row : document["rows"]) rows_.emplace_back(row, stacks);
}

void TrainingSteps::Run(Residuals& residuals) {
  for (const Json& table : document_.value("layerTimes", Json::array()))
    LayerTimes(table, residuals);
  std::printf("\n%-31s %-26s %10s %10s %8s  %s\n", "training steps", "row", "measured", "predicted",
              "error", "choice (fastest that fits); spread over choices; memory");
  for (const PublishedRow& row : rows_) {
    if (row.excluded().empty()) {
      Score(row, residuals);
    } else {
      Exclude(row);
    }
  }
  PrintSums();
}

void TrainingSteps::LayerTimes(const Json& table, Residuals& residuals) {
  std::printf("%-30s %-22s %18s %18s\n", "one layer, ms", "", "forward", "backward");
  const Json stack = document_["stacks"][table["stack"].get<std::string>()];
  const CostModel model = *CostModel::Create(ClusterOf(table["cluster"]),
                                             {{{"data", 1}, {"tensor", table["tensor"]}}, 0});
  for (const Json& row : table["rows"]) {
    Json full = table;
    full.update(row);
    TransformerStep step = StepOf(full, stack);
    step.micro_batch = full["microBatch"];
    const ModelPart layer = DenseLayer(step);
    const double forward = 1e3 * model.Evaluate(layer.forward).step_time.value;
    const double backward = 1e3 * model.Evaluate(layer.backward).step_time.value;
    const double its_forward = row.value("forwardMs", 0.0);
    const double its_backward = row.value("backwardMs", 0.0);
    const double measured = row.value("totalMs", its_forward + its_backward);
    const double error = ErrorOf(forward + backward, measured);
    const std::string fit = row.value("fit", "");
    const auto beside = [&](double its) {
      return row.contains("totalMs") ? std::string("    -") : absl::StrFormat("%5.2f", its);
    };
    std::printf("%-30s %-22s %6.2f (%s) %7.2f (%s) %+6.1f %%   saves %.0f MiB%s\n", "",
                row["name"].get<std::string>().c_str(), forward, beside(its_forward).c_str(),
                backward, beside(its_backward).c_str(), 100 * error, layer.saved.value / (1 << 20),
                fit.empty() ? "" : ("   fit: " + fit).c_str());
    if (!fit.empty()) continue;
    layers_.Add(error);
    residuals.compute.push_back(measured / (forward + backward) - 1);
  }
}

void TrainingSteps::Score(const PublishedRow& row, Residuals& residuals) {
  const std::vector<Choice> choices = row.Choices();
  if (choices.empty()) {
    excluded_.push_back(absl::StrCat(row.set(), ", ", row.name(), ": no choice can be run"));
    return;
  }
  const Choice& choice = choices.front();
  if (row.knows_memory()) ScoreMemory(row, choice, choices.size() == 1);
  if (!row.is_out_of_memory()) {
    ScoreTime(row, choices, residuals);
    return;
  }
  std::printf("%-31s %-26s %10s %10s           %s; %.2f GiB\n", row.set().c_str(),
              row.name().c_str(), "no memory", choice.prediction.fits ? "FITS" : "no memory",
              ChoiceText(choice, choices.size()).c_str(), choice.prediction.peak.value / kGib);
}

void TrainingSteps::Exclude(const PublishedRow& row) {
  std::string text = absl::StrCat(row.set(), ", ", row.name(), ": ", row.excluded());
  const std::vector<Choice> choices = row.Choices();
  if (row.has_layout() && row.measured() > 0 && !choices.empty())
    absl::StrAppendFormat(&text, " (%+.1f %%)",
                          100 * ErrorOf(choices.front().prediction.time.value, row.measured()));
  excluded_.push_back(text);
}

// Where the micro-batch is open, its memory is as well.
void TrainingSteps::ScoreMemory(const PublishedRow& row, const Choice& choice, bool is_only) {
  ++memory_answers_;
  right_memory_answers_ += choice.prediction.fits != row.is_out_of_memory();
  if (row.peak_gib() > 0 && is_only)
    peaks_.Add(ErrorOf(choice.prediction.peak.value / kGib, row.peak_gib()));
}

void TrainingSteps::ScoreTime(const PublishedRow& row, const std::vector<Choice>& choices,
                              Residuals& residuals) {
  const Choice& choice = choices.front();
  const double predicted = choice.prediction.time.value;
  const double error = ErrorOf(predicted, row.measured());
  double most = predicted, closest = error;
  for (const Choice& other : choices) {
    most = std::max(most, other.prediction.time.value);
    const double its = ErrorOf(other.prediction.time.value, row.measured());
    if (std::abs(its) < std::abs(closest)) closest = its;
  }
  std::printf("%-31s %-26s %8.3f s %8.3f s %+6.1f %%  %s", row.set().c_str(), row.name().c_str(),
              row.measured(), predicted, 100 * error, ChoiceText(choice, choices.size()).c_str());
  if (choices.size() > 1)
    std::printf("; %+.0f..%+.0f %%", 100 * error, 100 * ErrorOf(most, row.measured()));
  if (row.peak_gib() > 0)
    std::printf("; %.2f GiB (%.2f)", choice.prediction.peak.value / kGib, row.peak_gib());
  std::printf("%s\n", row.fit().empty() ? "" : ("  fit: " + row.fit()).c_str());
  if (!row.group().empty()) groups_[row.group()].push_back({predicted, row.measured()});
  if (!row.fit().empty()) {
    fitted_.Add(error);
    return;
  }
  sets_[row.set()].Add(error);
  all_.Add(error);
  if (choices.size() > 1) open_.Add(error), closest_.Add(closest);
  residuals.steps.push_back({row.set(), row.group(), choice.prediction.parts, row.measured()});
}

void TrainingSteps::PrintSums() {
  std::printf("\nnot fitted on:\n");
  layers_.Print("layer times");
  for (const auto& [name, errors] : sets_) errors.Print(name);
  all_.Print("all training steps not fitted on");
  open_.Print("  of them with open choices");
  closest_.Print("  the same at the choice closest to the row");
  fitted_.Print("fitted on");
  peaks_.Print("peak memory");
  std::printf("out of memory: %d of %d answers right\n", right_memory_answers_, memory_answers_);
  std::vector<std::vector<Point>> groups;
  for (const auto& [name, points] : groups_) groups.push_back(points);
  order_ = OrderOf(groups);
  std::printf("order of plans: Kendall's tau %.2f over %d pairs\n", order_.tau, order_.pairs);
  std::printf("excluded: %zu rows\n", excluded_.size());
  for (const std::string& text : excluded_) std::printf("  %s\n", text.c_str());
}

void TrainingSteps::LeaveOneSetOut() const {
  std::map<std::string, std::vector<Curve>> constants;
  for (const PublishedRow& row : rows_) {
    if (row.is_out_of_memory() || !row.excluded().empty() || row.Choices().empty()) continue;
    constants[row.constant()].push_back({row.set(), ErrorsByScale(row)});
  }
  std::printf("\nwith the constant fitted on the other sets alone:\n");
  Errors all;
  for (const auto& [constant, curves] : constants) {
    std::map<std::string, Errors> sets;
    for (const Curve& out : curves) {
      std::vector<const Curve*> others;
      for (const Curve& other : curves)
        if (other.set != out.set) others.push_back(&other);
      if (others.empty()) {
        for (const Curve& other : curves)
          if (&other != &out) others.push_back(&other);
      }
      sets[out.set].Add(ErrorWithout(out, others));
      all.Add(ErrorWithout(out, others));
    }
    for (const auto& [set, errors] : sets) errors.Print(absl::StrCat(constant, ": ", set));
  }
  all.Print("all");
}

Verdict TrainingSteps::Judge() const {
  const double wrong = memory_answers_ - right_memory_answers_;
  struct {
    const char* what;
    double is, goal, limit;
  } const goals[] = {
      {"step time, median error", all_.Median(), 0.08, 0.06},
      {"step time, worst error", all_.Worst(), 0.15, 0.20},
      {"peak memory, median error", peaks_.Median(), 0.10, 0.06},
      {"peak memory, worst error", peaks_.Worst(), 0.10, 0.28},
      {"wrong answers whether memory suffices", wrong, 0, 0},
      {"order of plans, 1 - tau", 1 - order_.tau, 0.1, 0.34},
  };
  Verdict verdict;
  std::string missed;
  for (const auto& goal : goals) {
    const bool is_met = goal.is <= goal.goal, is_kept = goal.is <= goal.limit;
    std::printf("%-40s %6.3f, goal %.2f %s, today's limit %.2f %s\n", goal.what, goal.is, goal.goal,
                is_met ? "met" : "MISSED", goal.limit, is_kept ? "kept" : "EXCEEDED");
    if (!is_met) absl::StrAppend(&missed, missed.empty() ? "" : "; ", goal.what);
    verdict.meets_goals = verdict.meets_goals && is_met;
    verdict.stays_within_limits = verdict.stays_within_limits && is_kept;
  }
  std::printf("verdict: %s%s\n",
              missed.empty() ? "all goals met" : "goals MISSED: ", missed.c_str());
  return verdict;
}

}  // namespace automap
