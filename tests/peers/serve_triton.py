"""Triton Inference Server through nvidia-pytriton: a model a stage, and one in front that composes them over gRPC.

Tuning, after its documents: Triton's dynamic batcher (2 ms of delay, batches as the encoder's card has them) in front of every
stage, several instances of the composing model so that submissions overlap, gRPC between models, one onnxruntime thread a stage.
Clients ask over HTTP by the Open Inference Protocol (JSON), as they ask Triton.
"""

import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from pytriton.client import ModelClient
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

import work

COMPOSERS = 16


def texts(values: list) -> np.ndarray:
    return np.array([[json.dumps(value).encode()] for value in values], dtype=bytes)


def read(request: np.ndarray) -> list:
    return [json.loads(row[0]) for row in request]


class Stages:
    """What the stages' models do."""

    def __init__(self, variant: str):
        self.light = variant == "light"
        shared = work.Encoder() if variant == "shared" else None
        self.stages = {} if self.light else {name: made() for name, made in work.STAGES.items()}
        self.encoders = {name: (shared or work.Encoder()) if stage.encodes else None for name, stage in self.stages.items()}

    def model(self, name: str):
        def infer(requests):
            answers = []
            items = [item for request in requests for item in read(request.data["request"])]
            if self.light:
                made = [work.light(item, name) for item in items]
            else:
                made = work.step(self.stages[name], items, self.encoders[name])
            for request in requests:
                rows = len(request.data["request"])
                answers.append({"answer": texts(made[:rows])})
                made = made[rows:]
            return answers

        return infer


class Composer:
    """Asks the stages in their order; one for each instance, for a client serves one thread at a time."""

    def __init__(self, grpc: int):
        self.grpc, self.clients = grpc, None
        self.side_by_side = ThreadPoolExecutor(3)

    def ask(self, name: str, item: dict) -> dict:
        found = self.clients[name].infer_batch(texts([item]))
        return json.loads(found["answer"][0][0])

    def __call__(self, requests):
        if self.clients is None:
            url = f"grpc://127.0.0.1:{self.grpc}"
            self.clients = {name: ModelClient(url, name, inference_timeout_s=60) for name in work.STAGES}
        answers = []
        for request in requests:
            made = []
            for item in read(request.data["request"]):
                item["classify"] = self.ask("classify", item)
                names = ["route", "extract", "summarize"]
                item.update(zip(names, self.side_by_side.map(self.ask, names, [dict(item)] * 3)))
                item["comply"] = self.ask("comply", item)
                made.append({name: item[name] for name in work.STAGES})
            answers.append({"answer": texts(made)})
        return answers


def main():
    variant, port = sys.argv[1], int(sys.argv[2])
    config = TritonConfig(
        http_address="127.0.0.1", http_port=port, grpc_address="127.0.0.1", grpc_port=port + 1, metrics_port=port + 2, http_thread_count=4
    )
    stages = Stages(variant)
    inputs = [Tensor(name="request", dtype=bytes, shape=(1,))]
    outputs = [Tensor(name="answer", dtype=bytes, shape=(1,))]
    batched = ModelConfig(max_batch_size=work.ROWS, batcher=DynamicBatcher(max_queue_delay_microseconds=2000))
    alone = ModelConfig(max_batch_size=1, batcher=DynamicBatcher())
    with Triton(config=config, workspace=None) as triton:
        for name in work.STAGES:
            triton.bind(name, stages.model(name), inputs, outputs, config=alone if stages.light else batched)
        triton.bind("fleet", [Composer(port + 1) for _ in range(COMPOSERS)], inputs, outputs, config=alone)
        triton.run()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
