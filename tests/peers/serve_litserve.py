"""LitServe: all five stages inlined in one API, which its documents advise for pipelines; a worker a core, dynamic batches.

Tuning, after its documents: `workers_per_device` as many as cores, one onnxruntime thread each; `max_batch_size` and
`batch_timeout` as the encoder's card and our host have them; `fast_queue` (zmq); uvloop and httptools installed. The light
stages are not batched: there is nothing to gain.
"""

import os
import sys

import litserve as ls

import work

VARIANT, PORT = sys.argv[1], int(sys.argv[2])


class Fleet(ls.LitAPI):
    def setup(self, device):
        self.run = work.Inline(own=VARIANT == "own")

    def decode_request(self, request):
        return request

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output

    def predict(self, items):
        return self.run(items)

    def encode_response(self, output):
        return output


class Light(ls.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request

    def predict(self, item):
        return {stage: work.light(item, stage) for stage in work.STAGES}

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    api = Light() if VARIANT == "light" else Fleet(max_batch_size=work.ROWS, batch_timeout=0.002)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=os.cpu_count(), fast_queue=True, timeout=60)
    server.run(host="127.0.0.1", port=PORT, log_level="warning", access_log=False, generate_client_file=False)
