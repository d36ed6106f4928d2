"""Asks the command `glean` for what this package does not do itself: to prove a file's claims from its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import os
import shutil
import subprocess
from typing import Any

from .errors import BY_CODE, GleanError, InputError


@dataclass(frozen=True)
class Verification:
    """What `glean verify` proved."""

    # L as it was proven, and as the file claims it.
    lipschitz: float
    claimed: float
    # The file's SHA-256 with its digest field blank: what Certifier.load takes as sha256.
    sha256: str
    # All that `glean verify --json` printed.
    answer: Mapping[str, Any]


def verify(path: str | os.PathLike[str], *, command: Sequence[str] | None = None, timeout: float = 600) -> Verification:
    """Proves every claim of a sealed file anew, with the command `glean`, which must be installed (npm).

    `command` starts it; by default it is `glean` on PATH. Load the file with the answer's `sha256`, so that what was
    proven is what is loaded.

    Raises InputError if there is no such command or it cannot be asked, and the error by its code if the file is
    refused.
    """
    found = list(command) if command is not None else [path for path in [shutil.which("glean")] if path]
    if not found:
        raise InputError("no command 'glean' on PATH: install it with npm, or say how it is started (command=[…])")
    # Begins with a slash, so that no path is taken for an option.
    file = os.path.abspath(path)
    try:
        # The words are a list and no shell reads them.
        done = subprocess.run(  # noqa: S603
            [*found, "verify", "--json", file], capture_output=True, text=True, timeout=timeout, check=False
        )
        answer = json.loads(done.stdout) if done.returncode in (0, 1) else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{' '.join(found)} gave no answer about {file}: {error}") from error
    if not isinstance(answer, dict):
        raise InputError(f"{' '.join(found)} could not be asked about {file}: {done.stderr.strip()[-500:]}")
    if answer.get("verified") is not True or done.returncode != 0:
        kind = BY_CODE.get(str(answer.get("code")), GleanError)
        raise kind(f"{file}: refused by 'glean verify': {answer.get('reason')}", answer)
    return Verification(float(answer["lipschitz"]), float(answer["claimed"]), str(answer["fileSha256"]), answer)
