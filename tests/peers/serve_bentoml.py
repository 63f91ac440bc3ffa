"""BentoML: five services, and one in front that composes them; adaptive batches.

Tuning, after its documents: a process a service, `batchable` with `max_batch_size` as the encoder's card has it, one
onnxruntime thread a process, calls between services asynchronous and those that may run side by side gathered, access
logs and metrics off. The light stages are not batched: there is nothing to gain.
"""

import asyncio
import os
from typing import Any

import aiohttp
import bentoml

import work

VARIANT = os.environ.get("PEER_VARIANT", "own")
COMMON = {"workers": 1, "traffic": {"timeout": 60}, "metrics": {"enabled": False}, "logging": {"access": {"enabled": False}}}
BATCHED = {"batchable": True, "max_batch_size": work.ROWS, "max_latency_ms": 60_000}


@bentoml.service(name="encoder", **COMMON)
class EncoderService:
    def __init__(self):
        self._encoder = work.Encoder() if VARIANT == "shared" else None

    @bentoml.api(**BATCHED)
    def states(self, rows: list[Any]) -> list[Any]:
        return self._encoder(rows)


class Stage:
    """What the five have in common."""

    made = None

    def __init__(self):
        self._stage = None if VARIANT == "light" else self.made()
        self._encoder = work.Encoder() if VARIANT == "own" and self.made.encodes else None

    def _over(self, items: list) -> list:
        if self._stage is None:
            return [work.light(item, self.made.name) for item in items]
        return work.step(self._stage, items, self._encoder)


def own(made) -> type:
    """A service with its own encoder, or none."""

    class Own(Stage):
        def __init__(self):
            self.made = made
            super().__init__()

        @bentoml.api(**({} if VARIANT == "light" else BATCHED))
        def run(self, items: list[Any]) -> list[Any]:
            return self._over(items)

    return bentoml.service(name=made.name, **COMMON)(Own)


def shared(made) -> type:
    """A service that asks the one encoder; `prepare` and `finish` are cheap, and batches are made there."""

    class Shared:
        encoder = bentoml.depends(EncoderService)

        def __init__(self):
            self._stage = made()

        @bentoml.api
        async def run(self, items: list[Any]) -> list[Any]:
            kept, rows = self._stage.prepare(items[0])
            chunks = [rows[at : at + work.ROWS] for at in range(0, len(rows), work.ROWS)]
            read = [one for chunk in await asyncio.gather(*map(self.encoder.to_async.states, chunks)) for one in chunk]
            return self._stage.finish_all(items, [kept], [read])

    return bentoml.service(name=made.name, **COMMON)(Shared)


def service(made) -> type:
    return shared(made) if VARIANT == "shared" and made.encodes else own(made)


ClassifyService = service(work.Classify)
RouteService = service(work.Route)
ExtractService = service(work.Extract)
SummarizeService = service(work.Summarize)
ComplyService = service(work.Comply)


@bentoml.service(name="fleet", **COMMON)
class Fleet:
    classify = bentoml.depends(ClassifyService)
    route = bentoml.depends(RouteService)
    extract = bentoml.depends(ExtractService)
    summarize = bentoml.depends(SummarizeService)
    comply = bentoml.depends(ComplyService)

    @bentoml.api(route="/submissions")
    async def submit(self, item: dict[str, Any], /) -> dict[str, Any]:
        async def ask(name: str, item: dict):
            # A service closes connections that the other side still counts on; such a call was not taken, and is sent again.
            for _ in range(5):
                try:
                    return (await getattr(self, name).to_async.run([item]))[0]
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    continue
            raise RuntimeError(f"`{name}` takes no call")

        item["classify"] = await ask("classify", item)
        names = ["route", "extract", "summarize"]
        for name, answer in zip(names, await asyncio.gather(*(ask(name, dict(item)) for name in names))):
            item[name] = answer
        item["comply"] = await ask("comply", item)
        return {name: item[name] for name in work.STAGES}
