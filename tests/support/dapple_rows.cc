#include "tests/support/dapple_rows.h"

#include <map>

#include "nlohmann/json.hpp"

namespace automap {
namespace {

DappleQuestion QuestionOf(const nlohmann::json& chain, const nlohmann::json& row) {
  DappleQuestion question;
  int32_t index = 0;
  for (const auto& state : chain["states"]) {
    question.states.push_back({state[1], state[2], state[3], state[4].get<int32_t>() == index});
    ++index;
  }
  const std::string cluster = row["cluster"];
  question.servers = cluster == "A" ? 2 : cluster == "B" ? 3 : 4;
  question.outer_replicas = row["outer_replicas"];
  question.micro_batches = row["micro_batches"];
  return question;
}

double NumberOr(const nlohmann::json& row, const char* key) {
  return row.contains(key) && row[key].is_number() ? row[key].get<double>() : 0;
}

}  // namespace

std::vector<DappleRow> ReadDappleRows(const std::string& plans, const std::string& chains) {
  std::map<std::pair<std::string, int64_t>, nlohmann::json> by_name;
  const auto all_chains = nlohmann::json::parse(chains);
  for (const auto& chain : all_chains["chains"])
    by_name[{chain["profile"], chain["global_batch"]}] = chain;
  std::vector<DappleRow> rows;
  const auto all_plans = nlohmann::json::parse(plans);
  for (const auto& item : all_plans["plans"]) {
    const auto chain = by_name.find({item["profile"], item["gbs"]});
    if (chain == by_name.end() || !item["stages"].is_array()) continue;
    DappleRow row;
    row.profile = item["profile"];
    row.cluster = item["cluster"];
    row.search = item["search"];
    row.global_batch = item["gbs"];
    row.question = QuestionOf(chain->second, item);
    for (const auto& stage : item["stages"]) {
      row.plan.push_back(
          {stage["layers"][0], stage["layers"][1], stage["devices"].get<std::vector<int32_t>>()});
    }
    row.predicted_s = NumberOr(item, "latency");
    row.pivot_s = NumberOr(item, "paper_latency");
    row.data_parallel_s = NumberOr(item, "dp_latency");
    row.wall_s = NumberOr(item, "wall_s");
    row.short_wall_s = NumberOr(item, "short_wall_s");
    row.panicked = item.value("orchestrate_panicked", false);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace automap
