"""How a cluster's scheduler uses Auto-MAP, with nothing but generated stubs.

    scheduler.py SERVER MODULE CLUSTER_PRESET

A scheduling cycle has milliseconds, a plan takes seconds. So a cycle only looks the plan up; what is not there yet is
submitted beside it and followed until it is, and a later cycle finds it.
"""

import pathlib
import sys
import threading
import time
import uuid

import grpc

from automap.v1 import job_pb2, planner_pb2, planner_pb2_grpc

_LOOK_UP_WITHIN_S = 0.050
_CYCLE_S = 0.2
_PLAN_WITHIN_S = 200
_RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


def look_up(planner, spec):
    """The plan, or None when it is not known or not known in time."""
    try:
        return planner.LookupPlan(planner_pb2.LookupPlanRequest(spec=spec), timeout=_LOOK_UP_WITHIN_S)
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.DEADLINE_EXCEEDED, *_RETRIED):
            return None
        raise


def submit(planner, spec):
    """The job's name. The request id makes a call that is repeated the same job."""
    request = planner_pb2.CreatePlanJobRequest(spec=spec, request_id=str(uuid.uuid4()))
    request.options.labels["scheduler"] = "example"
    while True:
        try:
            return planner.CreatePlanJob(request, timeout=10).name
        except grpc.RpcError as error:
            if error.code() not in _RETRIED:
                raise
        time.sleep(1)


def follow(planner, job):
    """Waits for the job's plan. A stream that breaks, or whose server drains, goes on from its last token."""
    token = ""
    while True:
        try:
            request = planner_pb2.WatchPlanJobRequest(name=job, resume_token=token)
            for event in planner.WatchPlanJob(request, timeout=_PLAN_WITHIN_S):
                token = event.resume_token
                if event.HasField("final_plan"):
                    return event.final_plan
                if event.state_change.state in (job_pb2.PlanJob.FAILED, job_pb2.PlanJob.CANCELLED,
                                                job_pb2.PlanJob.EXPIRED):
                    raise RuntimeError(f"{job}: {event.state_change.error.message}")
        except grpc.RpcError as error:
            if error.code() not in _RETRIED:
                raise
            time.sleep(0.2)


def main(server, module, preset):
    planner = planner_pb2_grpc.PlannerStub(grpc.insecure_channel(server))
    spec = job_pb2.PlanSpec(inline_hlo=pathlib.Path(module).read_bytes(), cluster_preset=preset)
    spec.options.seed = 11
    follower = None
    for cycle in range(int(_PLAN_WITHIN_S / _CYCLE_S)):
        began = time.monotonic()
        plan = look_up(planner, spec)
        spent_ms = (time.monotonic() - began) * 1e3
        if plan is not None:
            print(f"placed in cycle {cycle}: {plan.strategy}, {plan.cost.step_time_s:.3g} s a step, "
                  f"looked up in {spent_ms:.1f} ms")
            return 0
        if follower is None:
            job = submit(planner, spec)
            print(f"cycle {cycle}: not known yet, asked for {job}")
            follower = threading.Thread(target=follow, args=(planner, job), daemon=True)
            follower.start()
        time.sleep(_CYCLE_S)
    print("no plan in time", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
