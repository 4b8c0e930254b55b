#include "tests/support/training_step.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace automap {
namespace {

std::string F32(int64_t rows, int64_t columns) {
  return absl::StrCat("f32[", rows, ",", columns, "]");
}

}  // namespace

std::string PerceptronStep(int64_t batch, const std::vector<int64_t>& widths) {
  const size_t layers = widths.size() - 1;
  std::string body;
  const auto line = [&](const std::string& name, const std::string& type, const std::string& what) {
    absl::StrAppend(&body, "  ", name, " = ", type, " ", what, "\n");
  };
  for (size_t i = 0; i < layers; ++i)
    line(absl::StrCat("w", i), F32(widths[i], widths[i + 1]), absl::StrCat("parameter(", i, ")"));
  line("h0", F32(batch, widths[0]), absl::StrCat("parameter(", layers, ")"));
  line("y", F32(batch, widths[layers]), absl::StrCat("parameter(", layers + 1, ")"));
  line("zero", "f32[]", "constant(0)");
  line("rate", "f32[]", "constant(0.01)");
  line("one", "f32[]", "constant(1)");
  for (size_t i = 0; i < layers; ++i) {
    const std::string type = F32(batch, widths[i + 1]);
    line(absl::StrCat("z", i), type,
         absl::StrCat("dot(h", i, ", w", i,
                      "), lhs_contracting_dims={1}, rhs_contracting_dims={0}"));
    line(absl::StrCat("h", i + 1), type, absl::StrCat("tanh(z", i, ")"));
  }
  const std::string last = F32(batch, widths[layers]);
  line(absl::StrCat("g", layers), last, absl::StrCat("subtract(h", layers, ", y)"));
  line("squares", last, absl::StrCat("multiply(g", layers, ", g", layers, ")"));
  line("loss", "f32[]", "reduce(squares, zero), dimensions={0,1}, to_apply=add");
  for (size_t i = layers; i-- > 0;) {
    const std::string type = F32(batch, widths[i + 1]), weights = F32(widths[i], widths[i + 1]);
    const auto name = [&](const char* prefix) { return absl::StrCat(prefix, i); };
    line(name("hh"), type, absl::StrCat("multiply(h", i + 1, ", h", i + 1, ")"));
    line(name("ones"), type, "broadcast(one), dimensions={}");
    line(name("slope"), type, absl::StrCat("subtract(ones", i, ", hh", i, ")"));
    line(name("dz"), type, absl::StrCat("multiply(g", i + 1, ", slope", i, ")"));
    line(name("dw"), weights,
         absl::StrCat("dot(h", i, ", dz", i,
                      "), lhs_contracting_dims={0}, rhs_contracting_dims={0}"));
    line(name("rates"), weights, "broadcast(rate), dimensions={}");
    line(name("step"), weights, absl::StrCat("multiply(dw", i, ", rates", i, ")"));
    line(name("new"), weights, absl::StrCat("subtract(w", i, ", step", i, ")"));
    if (i > 0) {
      line(name("g"), F32(batch, widths[i]),
           absl::StrCat("dot(dz", i, ", w", i,
                        "), lhs_contracting_dims={1}, rhs_contracting_dims={1}"));
    }
  }
  std::vector<std::string> results, types, aliases;
  for (size_t i = 0; i < layers; ++i) {
    results.push_back(absl::StrCat("new", i));
    types.push_back(F32(widths[i], widths[i + 1]));
    aliases.push_back(absl::StrCat("{", i, "}: (", i, ", {}, may-alias)"));
  }
  results.push_back("loss"), types.push_back("f32[]");
  absl::StrAppend(&body, "  ROOT all = (", absl::StrJoin(types, ", "), ") tuple(",
                  absl::StrJoin(results, ", "), ")\n");
  return absl::StrCat("HloModule step, input_output_alias={ ", absl::StrJoin(aliases, ", "),
                      " }\n\nadd {\n  a = f32[] parameter(0)\n  b = f32[] parameter(1)\n"
                      "  ROOT c = f32[] add(a, b)\n}\n\nENTRY main {\n",
                      body, "}\n");
}

}  // namespace automap
