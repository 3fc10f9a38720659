"""ONNX Runtime's inference with all of its graph optimizations, on a graph written from the networks' description."""

import protocol

options = protocol.parse(__doc__)

import onnxruntime

import onnx_file


def make():
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Else its threads spin while it waits for its turn, in the others'.
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(onnx_file.model(options), settings, providers=["CPUExecutionProvider"])
    images = onnx_file.images(options)

    def infer(count):
        for _ in range(count):
            result = session.run(None, {"images": images})
        return result[0]

    return infer


def main():
    protocol.serve("onnxruntime", onnxruntime.__version__, options, {"session": make})


if __name__ == "__main__":
    main()
