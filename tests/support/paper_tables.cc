#include "tests/support/paper_tables.h"

#include <cstdio>
#include <cstdlib>
#include <regex>

#include "planner/plan/describe_plan.h"

namespace automap {
namespace {

struct Row {
  const char* pattern;
  int dim;
};
constexpr Row kRows[] = {
    // Table 3
    {R"(.*Attention'\]\['[qkv]'\]\['kernel'\])", 1},
    {R"(.*Attention'\]\['o'\]\['kernel'\])", 0},
    {R"(.*\['conv1'\]\['kernel'\])", 1},
    {R"(.*\['conv1'\]\['bias'\])", 0},
    {R"(.*\['conv2'\]\['kernel'\])", 0},
    {R"(.*\['conv2'\]\['bias'\])", -1},
    {R"(.*relative_attention_bias.*)", 1},
    {R"(.*\['shared'\]\['embedding'\])", 0},
    {R"(.*layer_norm.*)", -1},
    // Table 4
    {R"(.*block\d_conv\d/(kernel|bias).*)", -1},
    {R"(.*fc1/kernel.*)", 1},
    {R"(.*fc1/bias.*)", 0},
    {R"(.*fc2/kernel.*)", 0},
    {R"(.*fc2/bias.*)", -1},
    {R"(.*predictions/kernel.*)", 1},
    {R"(.*predictions/bias.*)", 0},
};

}  // namespace

std::optional<int> PaperDim(const std::string& variable) {
  for (const Row& row : kRows) {
    if (std::regex_match(variable, std::regex(row.pattern))) return row.dim;
  }
  return std::nullopt;
}

v1::Plan PlanOfPaper(const PreparedModule& module, const v1::Cluster& cluster, int axis_size,
                     const Semantics& semantics) {
  Decisions decisions = {{{kModelAxis, axis_size, {}}}, semantics};
  for (size_t p = 0; p < module.roles().of.size(); ++p) {
    if (module.roles().of[p] != Role::kVariable) continue;
    const auto dim = PaperDim(module.roles().names[p]);
    if (!dim)
      std::fprintf(stderr, "%s is in neither table\n", module.roles().names[p].c_str()),
          std::abort();
    if (*dim >= 0) decisions.axes[0].splits.push_back({static_cast<int32_t>(p), *dim});
  }
  auto plan = DescribePlan(module, cluster, decisions, {});
  if (!plan.ok()) std::fprintf(stderr, "%s\n", plan.status().ToString().c_str()), std::abort();
  return *std::move(plan);
}

}  // namespace automap
