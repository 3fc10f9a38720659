"""OpenVINO's inference in f32, on the graph that ONNX Runtime has. Modes: its hints for latency and throughput.

With the hint for latency all threads work on one batch. With that for throughput each thread works on its own part of the
batch, so the batch must be a multiple of the threads: a single picture cannot be shared out.
"""

import protocol

options = protocol.parse(__doc__)

import numpy as np
import openvino
from openvino import properties
from openvino.properties import hint

import onnx_file


def compiled(batch, performance, streams):
    core = openvino.Core()
    model = core.read_model(onnx_file.model(options))
    if batch != options.batch:
        model.reshape([batch, *model.input().shape[1:]])
    # Without the precision it computes in bf16 where the processor can.
    return core.compile_model(model, "CPU", {
        hint.performance_mode: performance, hint.inference_precision: openvino.Type.f32,
        properties.inference_num_threads: options.threads, properties.num_streams: streams})


def latency():
    request = compiled(options.batch, hint.PerformanceMode.LATENCY, streams=1).create_infer_request()
    request.set_input_tensor(openvino.Tensor(onnx_file.images(options)))

    def infer(count):
        for _ in range(count):
            request.infer()
        return request.get_output_tensor().data.copy()

    return infer


def throughput():
    share, rest = divmod(options.batch, options.threads)
    if rest:
        raise ValueError(f"{options.batch} pictures cannot be shared out among {options.threads} threads")
    model = compiled(share, hint.PerformanceMode.THROUGHPUT, streams=options.threads)
    requests = []
    for part in np.split(onnx_file.images(options), options.threads):
        request = model.create_infer_request()
        request.set_input_tensor(openvino.Tensor(np.ascontiguousarray(part)))
        requests.append(request)

    def infer(count):
        for _ in range(count):
            for request in requests:
                request.start_async()
            for request in requests:
                request.wait()
        return np.concatenate([request.get_output_tensor().data for request in requests])

    return infer


def main():
    makers = {"latency": latency}
    if options.batch % options.threads == 0:
        makers["throughput"] = throughput
    protocol.serve("openvino", openvino.__version__, options, makers)


if __name__ == "__main__":
    main()
