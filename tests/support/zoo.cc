#include "tests/support/zoo.h"

#include <zlib.h>

#include <cstdio>
#include <cstdlib>

#include "tests/support/files.h"

namespace automap {

std::vector<std::string> ZooNames() {
  return {"mlp",        "mlp-jax-0.10", "torch-xla-cnn", "vgg19",         "tf-vgg19",
          "scan-lm-7b", "resnet50",     "t5-base",       "t5-base-paper", "t5-small-dropout",
          "t5-3b",      "t5-11b",       "t5-3b-paper",   "t5-11b-paper",  "bert-48"};
}

std::string ReadZooFile(const std::string& name, const std::string& suffix) {
  gzFile file = gzopen(TestData("zoo/" + name + suffix).c_str(), "rb");
  if (file == nullptr) return "";
  std::string bytes;
  char buffer[1 << 16];
  int count = 0;
  while ((count = gzread(file, buffer, sizeof(buffer))) > 0) bytes.append(buffer, count);
  gzclose(file);
  return bytes;
}

std::string ZooModule(const std::string& name) {
  return ReadTestData("zoo/" + name + ".hlo.pb.gz");
}

std::unique_ptr<const PreparedModule> PrepareZoo(const std::string& name) {
  auto module = PreparedModule::Create(ZooModule(name), {});
  if (!module.ok()) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), module.status().ToString().c_str());
    std::abort();
  }
  return *std::move(module);
}

std::string TestName(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) result += c;
  }
  return result;
}

}  // namespace automap
