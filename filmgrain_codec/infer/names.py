"""Names of the backends, apart from the code behind them: help texts need them and must load nothing."""

AUTO, ORT, OPENVINO, BF16, CUDA = "auto", "onnxruntime", "openvino", "openvino-bf16", "cuda"
BACKENDS = (AUTO, ORT, OPENVINO, BF16, CUDA)
