#include "server/cli/plan_table.h"

#include <cctype>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "fmt/format.h"

namespace automap {
namespace {

// Numbers that stand alone (layer indices) become *; those inside words (conv1) stay.
std::string Pattern(const std::string& name) {
  std::string pattern;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(name[i])) != 0;
    const bool in_word = i > 0 && std::isalnum(static_cast<unsigned char>(name[i - 1])) != 0;
    if (!is_digit || (in_word && (pattern.empty() || pattern.back() != '*'))) {
      pattern += name[i];
    } else if (pattern.empty() || pattern.back() != '*') {
      pattern += '*';
    }
  }
  return pattern;
}

struct Row {
  int count = 0;
  std::string name, shape, axes;
};

// Consecutive in the order of first appearance; equal pattern, shape and axes share a row.
std::vector<Row> Rows(const v1::Plan& plan, v1::Plan::Sharding::Role role) {
  std::vector<Row> rows;
  std::map<std::string, size_t> row_of;
  for (const auto& sharding : plan.shardings()) {
    if (sharding.role() != role) continue;
    std::vector<std::string> axes(sharding.dim_axes().begin(), sharding.dim_axes().end());
    for (std::string& axis : axes) {
      if (axis.empty()) axis = "-";
    }
    const std::string shape =
        absl::StrCat(sharding.dtype(), "[", absl::StrJoin(sharding.shape(), ","), "]");
    const std::string split = absl::StrCat("(", absl::StrJoin(axes, ", "), ")");
    const std::string key = absl::StrCat(Pattern(sharding.name()), "|", shape, "|", split);
    const auto [found, is_new] = row_of.emplace(key, rows.size());
    if (is_new) rows.push_back({0, sharding.name(), shape, split});
    Row& row = rows[found->second];
    if (++row.count == 2) row.name = Pattern(sharding.name());
  }
  return rows;
}

void AppendShardings(const v1::Plan& plan, v1::Plan::Sharding::Role role, const char* title,
                     std::string& out) {
  const std::vector<Row> rows = Rows(plan, role);
  if (rows.empty()) return;
  size_t width = 0, shape_width = 0;
  for (const Row& row : rows) {
    width = std::max(width, row.name.size());
    shape_width = std::max(shape_width, row.shape.size());
  }
  out += fmt::format("\n{}\n", title);
  for (const Row& row : rows) {
    out += fmt::format("  {:>5}  {:<{}}  {:<{}}  {}\n",
                       row.count > 1 ? absl::StrCat(row.count, " x") : "", row.name, width,
                       row.shape, shape_width, row.axes);
  }
}

std::string MeshText(const google::protobuf::RepeatedPtrField<v1::Plan::MeshAxis>& mesh) {
  std::vector<std::string> axes;
  for (const auto& axis : mesh) axes.push_back(absl::StrCat(axis.name(), "=", axis.size()));
  return axes.empty() ? "one device" : absl::StrJoin(axes, " x ");
}

void AppendCost(const v1::Plan& plan, std::string& out) {
  const v1::Plan::Cost& cost = plan.cost();
  const std::string bubble =
      cost.bubble_s() > 0 ? fmt::format(", bubble {}", DurationText(cost.bubble_s())) : "";
  out += fmt::format("  step time      {}   compute {}, communication {}{}, utilization {:.0f} %\n",
                     DurationText(cost.step_time_s()), DurationText(cost.compute_s()),
                     DurationText(cost.communication_s()), bubble, 100 * cost.utilization());
  out += fmt::format("  in nine of ten {} to {}{}\n", DurationText(cost.step_time_low_s()),
                     DurationText(cost.step_time_high_s()),
                     plan.has_win_probability()
                         ? fmt::format("   faster than the best alternative with {:.0f} %",
                                       100 * plan.win_probability())
                         : "");
  const bool has_parts = cost.parameter_bytes() + cost.activation_bytes() > 0;
  out += fmt::format(
      "  memory         {} of {} per device{}{}\n", SizeText(cost.peak_memory_bytes()),
      SizeText(cost.memory_limit_bytes()), cost.fits() ? "" : ", DOES NOT FIT",
      has_parts
          ? fmt::format("   parameters {}, {}optimizer {}, activations {}",
                        SizeText(cost.parameter_bytes()),
                        cost.gradient_bytes() > 0
                            ? absl::StrCat("gradients ", SizeText(cost.gradient_bytes()), ", ")
                            : "",
                        SizeText(cost.optimizer_bytes()), SizeText(cost.activation_bytes()))
          : "");
  for (const auto& collective : cost.collectives()) {
    out += fmt::format("  communication  {} x {} on {}, {:.2f} GB, {}\n", collective.count(),
                       v1::Plan::Collective::Kind_Name(collective.kind()), collective.axis(),
                       collective.bytes() / 1e9, DurationText(collective.time_s()));
  }
}

void AppendSearch(const v1::Plan& plan, std::string& out) {
  const v1::Plan::Bound& bound = plan.bound();
  if (!bound.has_gap()) {
    out += fmt::format("  bound          {}\n", bound.proof());
  } else if (bound.gap() == 0) {
    out += fmt::format("  bound          proved optimal on this mesh ({})\n", bound.proof());
  } else {
    out += fmt::format("  bound          at least {}, gap {:.2f} % ({})\n",
                       DurationText(bound.lower_bound_s()), 100 * bound.gap(), bound.proof());
  }
  const v1::Plan::Search& search = plan.search();
  if (search.engines().empty()) return;
  std::vector<std::string> engines;
  for (const auto& row : search.engines()) {
    engines.push_back(fmt::format("{} {}{}", row.engine(), DurationText(row.step_time_s()),
                                  row.fits() ? "" : " (does not fit)"));
  }
  out += fmt::format("  found by       {} ({} preset, seed {}) in {:.2f} s and {} decisions\n",
                     search.engine(), search.preset(), search.seed(), search.wall_s(),
                     search.decisions());
  out += fmt::format("  engines        {}\n", absl::StrJoin(engines, " | "));
}

}  // namespace

std::string DurationText(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.1f} us", seconds * 1e6);
}

std::string SizeText(double bytes) {
  if (bytes >= 1 << 30) return fmt::format("{:.2f} GiB", bytes / (1 << 30));
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", bytes / (1 << 20));
  return fmt::format("{:.1f} KiB", bytes / 1024);
}

std::string StageTable(const v1::Plan& plan) {
  if (plan.stages().empty()) return "";
  std::string out = fmt::format("  stages         {} of {}, {} micro-batches\n", plan.stages_size(),
                                plan.schedule(), plan.micro_batches());
  static constexpr char kColumns[] =
      "    {:>5}  {:>9}  {:>9}  {:>9}  {:>9}  {:>10}  {:>10}  {:>10}  {:>10}  {:>14}  {:<28}  {}\n";
  out +=
      fmt::format(kColumns, "stage", "devices", "forward", "backward", "send", "memory",
                  "parameters", "gradients", "optimizer", "in flight", "up to layer", "cut after");
  for (int s = 0; s < plan.stages_size(); ++s) {
    const v1::Plan::Stage& stage = plan.stages(s);
    out += fmt::format(
        kColumns, s,
        fmt::format("{}-{}", stage.first_device(), stage.first_device() + stage.device_count() - 1),
        DurationText(stage.forward_s()), DurationText(stage.backward_s()),
        stage.send_s() > 0 ? DurationText(stage.send_s()) : "-", SizeText(stage.memory_bytes()),
        SizeText(stage.parameter_bytes()), SizeText(stage.gradient_bytes()),
        SizeText(stage.optimizer_bytes()),
        fmt::format("{}: {}", stage.in_flight(), SizeText(stage.activation_bytes())), stage.layer(),
        stage.cut_after().empty() ? "-" : stage.cut_after());
  }
  return out;
}

std::string PlanTable(const v1::Plan& plan) {
  std::string out = plan.stages().empty()
                        ? fmt::format("{} over {}\n", plan.strategy(), MeshText(plan.mesh()))
                        : fmt::format("{} in {} stage{}\n", plan.strategy(), plan.stages_size(),
                                      plan.stages_size() == 1 ? "" : "s");
  AppendCost(plan, out);
  out += StageTable(plan);
  AppendSearch(plan, out);
  for (const auto& other : plan.alternatives()) {
    const bool has_cost = other.cost().step_time_s() > 0;
    out += has_cost ? fmt::format("  alternative    {}{}: {}{}{}\n", other.strategy(),
                                  other.mesh().empty() ? "" : " over " + MeshText(other.mesh()),
                                  DurationText(other.cost().step_time_s()),
                                  other.cost().fits() ? "" : ", does not fit",
                                  other.summary().empty() ? "" : " (" + other.summary() + ")")
                    : fmt::format("  no plan        {}: {}\n", other.strategy(), other.summary());
  }
  for (const auto& dim : plan.input_dims()) {
    out += fmt::format("  input          {} dim {} ({}): {}\n", dim.name(), dim.dim(), dim.size(),
                       dim.is_split() ? "split" : dim.reason());
  }
  for (const std::string& name : plan.unsupported())
    out += fmt::format("  unsupported    {} (runs replicated)\n", name);
  for (const std::string& warning : plan.warnings())
    out += fmt::format("  warning        {}\n", warning);
  AppendShardings(plan, v1::Plan::Sharding::VARIABLE,
                  "Variables (their optimizer states follow them)", out);
  AppendShardings(plan, v1::Plan::Sharding::INPUT, "Inputs", out);
  return out;
}

}  // namespace automap
