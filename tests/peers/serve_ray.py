"""Ray Serve: five deployments and an ingress that composes them by handles; `@serve.batch`.

Tuning, after its documents: `RAY_SERVE_THROUGHPUT_OPTIMIZED=1` (user code in the replica's own loop, gRPC between replicas, logs
buffered), no access log, `max_ongoing_requests` above the load, batches as the encoder's card has them, one onnxruntime thread a
replica, stages that may run side by side gathered. A replica asks for no whole core, so that all fit on the machine.
"""

import asyncio
import os
import signal
import sys

os.environ.setdefault("RAY_SERVE_THROUGHPUT_OPTIMIZED", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray  # noqa: E402
from ray import serve  # noqa: E402
from ray.serve.config import HTTPOptions  # noqa: E402
from ray.serve.schema import LoggingConfig  # noqa: E402

import work  # noqa: E402

OPTIONS = {"max_ongoing_requests": 512, "ray_actor_options": {"num_cpus": 0.05}}
BATCH = {"max_batch_size": work.ROWS, "batch_wait_timeout_s": 0.002}


@serve.deployment(name="encoder", **OPTIONS)
class EncoderReplica:
    def __init__(self):
        self._encoder = work.Encoder()

    @serve.batch(**BATCH)
    async def __call__(self, asked: list) -> list:
        """Each call's rows, all of them in one run."""
        read = iter(self._encoder([row for rows in asked for row in rows]))
        return [[next(read) for _ in rows] for rows in asked]


@serve.deployment(**OPTIONS)
class Own:
    """A stage with an encoder of its own, where it has one."""

    def __init__(self, name: str):
        self._stage = work.STAGES[name]()
        self._encoder = work.Encoder() if self._stage.encodes else None

    @serve.batch(**BATCH)
    async def __call__(self, items: list) -> list:
        return work.step(self._stage, items, self._encoder)


@serve.deployment(**OPTIONS)
class Shared:
    """A stage that asks the one encoder."""

    def __init__(self, name: str, encoder):
        self._stage, self._encoder = work.STAGES[name](), encoder

    async def __call__(self, item: dict) -> dict:
        kept, rows = self._stage.prepare(item)
        read = await self._encoder.remote(rows) if rows else []
        return self._stage.finish_all([item], [kept], [read])[0]


@serve.deployment(**OPTIONS)
class Light:
    def __init__(self, name: str):
        self._name = name

    async def __call__(self, item: dict) -> dict:
        return work.light(item, self._name)


@serve.deployment(name="fleet", **OPTIONS)
class Fleet:
    def __init__(self, stages: dict):
        self._stages = stages

    async def __call__(self, request) -> dict:
        item = await request.json()
        item["classify"] = await self._stages["classify"].remote(item)
        names = ["route", "extract", "summarize"]
        answers = await asyncio.gather(*(self._stages[name].remote(dict(item)) for name in names))
        item.update(zip(names, answers))
        item["comply"] = await self._stages["comply"].remote(item)
        return {name: item[name] for name in work.STAGES}


def application(variant: str):
    encoder = EncoderReplica.bind() if variant == "shared" else None
    stages = {}
    for name, made in work.STAGES.items():
        if variant == "light":
            stages[name] = Light.options(name=name).bind(name)
        elif variant == "shared" and made.encodes:
            stages[name] = Shared.options(name=name).bind(name, encoder)
        else:
            stages[name] = Own.options(name=name).bind(name)
    return Fleet.bind(stages)


if __name__ == "__main__":
    variant, port = sys.argv[1], int(sys.argv[2])
    quiet = LoggingConfig(enable_access_log=False, log_level="WARNING")
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, configure_logging=False, object_store_memory=200 << 20)
    serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port, location="HeadOnly"), logging_config=quiet)
    serve.run(application(variant), route_prefix="/submissions", logging_config=quiet)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
