"""What executes a file: ONNX Runtime, its providers, and the checks of their arithmetic."""
