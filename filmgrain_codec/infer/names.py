"""Names of the backends, apart from the code behind them: help texts need them and must load nothing."""

AUTO, ORT, OPENVINO, BF16 = "auto", "onnxruntime", "openvino", "openvino-bf16"
BACKENDS = (AUTO, ORT, OPENVINO, BF16)
