// The agent's two parameter sets.
#pragma once

#include "agent/core/options.h"

namespace automap {

// As printed: discount 0.6, epsilon 1 to 0.1 over 2000 updates, prioritised replay of 2000 with
// alpha 0.2 and beta 0.6, target copy every 100 updates, one update per step. The learning rate's
// number is lost; 5e-4 is taken.
AgentOptions PaperAgent();

// For small budgets on deterministic problems: long returns, a narrow network, few updates per
// step, and roll-outs of the policy itself between the training episodes.
AgentOptions DefaultAgent();

// The same for pipelines: few decisions among many candidates, a reward at the end.
AgentOptions PaperPipelineAgent();
AgentOptions PipelineAgent();

}  // namespace automap
