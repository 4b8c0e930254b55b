"""check_layering.py accepts a small clean tree and refuses each way of turning an arrow in it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

_CHECK = pathlib.Path(__file__).with_name("check_layering.py")

# A house in small: every folder, the front doors, LibTorch where it belongs, one program of each kind.
_CLEAN = {
    "proto/CMakeLists.txt": "automap_proto_library(automap_proto_xla SOURCES ${x} DEPS protobuf::libprotobuf)\n"
                            "automap_proto_library(automap_proto SOURCES ${m} DEPS protobuf::libprotobuf)\n",
    "base/parts.cmake": "automap_library(base LAYER 1 DEPS absl::status)\n",
    "base/units.h": "#include <cstdint>\n",
    "simulator/parts.cmake": "automap_library(simulator/cluster LAYER 10 DEPS automap_base automap_proto)\n"
                             "automap_library(simulator LAYER 12 DEPS automap_simulator_cluster)\n",
    "simulator/cluster/cluster.h": '#include "automap/v1/cluster.pb.h"\n#include "base/units.h"\n',
    "simulator/program.h": "",
    "simulator/cluster/ring.h": '#include "simulator/program.h"\n',
    "simulator/evaluate.cc": '#include "simulator/cluster/cluster.h"\n',
    "agent/parts.cmake": "add_library(automap_torch INTERFACE)\n"
                         "target_link_libraries(automap_torch INTERFACE torch torch_cpu c10)\n"
                         "automap_library(agent/core LAYER 10 DEPS automap_base)\n"
                         "automap_library(agent/rainbow LAYER 12 DEPS automap_agent_core)\n"
                         "add_library(torch_learner MODULE agent/rainbow/torch/learner.cc)\n"
                         "target_link_libraries(torch_learner PRIVATE automap_agent_core automap_torch)\n"
                         "automap_library(agent LAYER 13 DEPS automap_agent_rainbow)\n",
    "agent/agents.h": '#include "agent/core/environment.h"\n',
    "agent/core/environment.h": '#include "base/units.h"\n',
    "agent/rainbow/network.cc": '#include "agent/core/environment.h"\n',
    "agent/rainbow/torch/learner.cc": '#include <torch/torch.h>\n#include "agent/core/environment.h"\n',
    "planner/parts.cmake": "automap_library(planner/hlo LAYER 20 DEPS automap_base automap_proto_xla)\n"
                           "automap_library(planner/rules LAYER 21 DEPS automap_planner_hlo)\n"
                           "automap_library(planner/explore LAYER 22 DEPS automap_planner_rules automap_agent_core\n"
                           "  automap_simulator)  # both of them\n"
                           "automap_library(planner LAYER 29 DEPS automap_planner_explore automap_agent)\n",
    "planner/hlo/module.h": '#include "xla/hlo.pb.h"\n',
    "planner/rules/catalog.cc": '#include "planner/hlo/module.h"\n',
    "planner/explore/opp.h": '#include "agent/core/environment.h"\n#include "planner/hlo/module.h"\n',
    "planner/plan_module.h": '#include "planner/explore/opp.h"\n',
    "server/parts.cmake": "automap_library(server/api LAYER 30 DEPS automap_proto automap_simulator_cluster)\n"
                          "automap_library(server/worker LAYER 31 DEPS automap_planner)\n"
                          "add_executable(automapd server/automapd.cc)\n"
                          "target_link_libraries(automapd PRIVATE automap_server_api)\n",
    "server/api/validate.cc": '#include "simulator/cluster/cluster.h"\n',
    "server/worker/main.cc": '#include "planner/plan_module.h"\n',
    "server/automapd.cc": "#include <cstdio>\n",
    "tests/planner/rules/catalog_test.cc": '#include "planner/rules/catalog.h"\n',
}

# name: (files that replace or add to the clean ones, what the refusal must say).
_TURNED = {
    "IncludeFromBelowOfPlanner": (
        {"simulator/evaluate.cc": '#include "planner/plan_module.h"\n'},
        "simulator/evaluate.cc:1: includes planner/plan_module.h: simulator sees only"),
    "AgentIncludesSimulator": (
        {"agent/core/environment.h": '#include "simulator/cluster/cluster.h"\n'},
        "agent/core/environment.h:1: includes simulator/cluster/cluster.h: agent sees only"),
    "AgentIncludesHloMessages": (
        {"agent/core/environment.h": '#include "xla/hlo.pb.h"\n'},
        "agent must not see xla/"),
    "ServerPassesTheFrontDoor": (
        {"server/worker/main.cc": '#include "planner/explore/opp.h"\n'},
        "server sees of planner only planner"),
    "SimulatorFromServerOutsideTheException": (
        {"server/worker/main.cc": '#include "simulator/cluster/cluster.h"\n'},
        "server sees only"),
    "RulesIncludeAgent": (
        {"planner/rules/catalog.cc": '#include "agent/core/environment.h"\n'},
        "planner/rules must not see agent/"),
    "RulesIncludeExplore": (
        {"planner/rules/catalog.cc": '#include "planner/explore/opp.h"\n'},
        "planner/rules must not see planner/explore/"),
    "IncludeWithoutLink": (
        {"planner/hlo/read.cc": '#include "planner/rules/catalog.h"\n', "planner/rules/catalog.h": ""},
        "planner/hlo/read.cc:1: includes planner/rules/catalog.h: automap_planner_hlo does not link"),
    "IncludeOfMessagesWithoutLink": (
        {"agent/core/environment.h": '#include "automap/v1/plan.pb.h"\n'},
        "automap_agent_core does not link automap_proto"),
    "RelativeInclude": (
        {"agent/core/options.h": '#include "../../agent/core/environment.h"\n'},
        "a path of ours is written from the root"),
    "TorchInPlanner": (
        {"planner/explore/opp.h": "#include <torch/torch.h>\n"},
        "planner/explore/opp.h:1: includes torch/torch.h: LibTorch is included under agent/rainbow/torch only"),
    "TorchElsewhereInAgent": (
        {"agent/core/environment.h": "  #  include <ATen/Tensor.h>\n"},
        "LibTorch is included under agent/rainbow/torch only"),
    "TorchInTests": (
        {"tests/planner/rules/catalog_test.cc": "#include <torch/torch.h>\n"},
        "LibTorch is included under agent/rainbow/torch only"),
    "LinkFromSimulatorToPlanner": (
        {"simulator/parts.cmake": "automap_library(simulator/cluster LAYER 40 DEPS automap_planner automap_base automap_proto)\n"
                                  "automap_library(simulator LAYER 41 DEPS automap_simulator_cluster)\n"},
        "simulator/parts.cmake: automap_simulator_cluster -> automap_planner: simulator sees only"),
    "LinkByTargetLinkLibraries": (
        {"agent/parts.cmake": _CLEAN["agent/parts.cmake"] +
                              "target_link_libraries(automap_agent_core PUBLIC automap_simulator)\n"},
        "automap_agent_core -> automap_simulator: agent sees only"),
    "LinkToTheSameLayer": (
        {"planner/parts.cmake": _CLEAN["planner/parts.cmake"].replace("rules LAYER 21", "rules LAYER 20")},
        "automap_planner_rules -> automap_planner_hlo: layer 20 is not below layer 20"),
    "LinkPastTheFrontDoor": (
        {"server/parts.cmake": _CLEAN["server/parts.cmake"] +
                               "target_link_libraries(automap_server_worker PUBLIC automap_planner_explore)\n"},
        "automap_server_worker -> automap_planner_explore: server sees of planner only"),
    "LinkFromSimulatorToHloMessages": (
        {"simulator/parts.cmake": _CLEAN["simulator/parts.cmake"] +
                                  "target_link_libraries(automap_simulator PUBLIC automap_proto_xla)\n"},
        "simulator must not see xla/"),
    "TorchLinkedInPlanner": (
        {"planner/parts.cmake": _CLEAN["planner/parts.cmake"] +
                                "target_link_libraries(automap_planner_explore PUBLIC torch)\n"},
        "automap_planner_explore -> torch: LibTorch is linked in agent/rainbow/torch only"),
    "TorchTargetLinkedInPlanner": (
        {"planner/parts.cmake": _CLEAN["planner/parts.cmake"] +
                                "target_link_libraries(automap_planner_explore PUBLIC automap_torch)\n"},
        "automap_planner_explore -> automap_torch: LibTorch is linked in agent/rainbow/torch only"),
    "ServerProgramReachesTorch": (
        {"server/parts.cmake": _CLEAN["server/parts.cmake"] +
                               "target_link_libraries(automapd PRIVATE torch_learner)\n"},
        "automapd reaches torch_learner"),
    "FolderWithoutTarget": (
        {"planner/plan/plan.cc": '#include "planner/hlo/module.h"\n'},
        "no target compiles planner/plan"),
}


def run_check(files):
    """Exit code and output of the check on a tree of `files`."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = pathlib.Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run([sys.executable, _CHECK, root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class CheckLayeringTest(unittest.TestCase):

    def test_CleanTreePasses(self):
        code, output = run_check(_CLEAN)
        self.assertEqual(code, 0, output)
        self.assertIn("0 arrows turned", output)

    def test_EmptyTreeIsRefused(self):
        code, _ = run_check({"README.md": ""})
        self.assertEqual(code, 1)

    def test_EveryTurnedArrowIsRefused(self):
        for name, (changes, message) in _TURNED.items():
            with self.subTest(name):
                code, output = run_check(_CLEAN | changes)
                self.assertEqual(code, 1, output)
                self.assertIn(message, output)


if __name__ == "__main__":
    unittest.main()
