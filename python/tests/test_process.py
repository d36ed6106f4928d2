"""What a whole process must have right: telemetry off before ONNX Runtime's import, and subnormal numbers kept."""

from __future__ import annotations

import os
import subprocess
import sys

from .conftest import DIGITS


def python(code: str, **variables: str) -> str:
    """What a new process of Python prints."""
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


SHOW = "import os; print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
IN_C = """
import ctypes
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
print(getenv(b"ORT_DISABLE_TELEMETRY"))
"""


def test_telemetry_is_off_before_the_import() -> None:
    # The library reads the environment of C.
    assert python(f"import glean_certify{IN_C}") == "b'1'"


def test_who_wants_to_report_may() -> None:
    assert python(f"import glean_certify; {SHOW}", ORT_DISABLE_TELEMETRY="0") == "0"


def test_onnx_runtime_that_was_imported_before_with_telemetry_is_refused() -> None:
    code = "import onnxruntime\ntry:\n  import glean_certify\nexcept Exception as e: print(type(e).__name__, e)"
    assert python(code).startswith("ProviderError onnxruntime was imported with its telemetry on")
    assert python(code, ORT_DISABLE_TELEMETRY="1") == ""


def test_a_process_that_flushes_subnormals_is_refused() -> None:
    code = f"""
import glean_certify, onnxruntime
from glean_certify.run.probe import probe_model
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.set_denormal_as_zero", "1")
onnxruntime.InferenceSession(probe_model(), options)
try:
  glean_certify.Certifier.load({str(DIGITS)!r})
except glean_certify.GleanError as error:
  print(error.code, error)
"""
    assert python(code).startswith("PROVIDER this process takes subnormal numbers for zero")


def test_a_process_that_was_forked_has_to_load_the_model_itself() -> None:
    code = f"""
import os, numpy, glean_certify
certifier = glean_certify.Certifier.load({str(DIGITS)!r})
image = numpy.zeros((28, 28, 3), dtype=numpy.uint8)
print(certifier.predict(image).label.shape, flush=True)
if os.fork() == 0:
  try:
    certifier.predict(image)
  except glean_certify.GleanError as error:
    print(error.code, error, flush=True)
  os._exit(0)
os.wait()
"""
    assert python(code).splitlines()[1].startswith("PROVIDER the model was loaded in another process")
