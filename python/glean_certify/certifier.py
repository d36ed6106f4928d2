"""The certifier: checks a sealed file and what executes it, and then gives labels with their certified radius."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
import os
from pathlib import Path
import threading
from typing import Literal
import warnings

import numpy as np
import numpy.typing as npt

from .errors import InputError, ProviderError, UnprovenWarning
from .file.certificate import Certificate, Precision
from .file.sealed import SealedModel, check_prover, check_sha256, read_sealed
from .file.signature import check_signature
from .given import Image, key_text, pixels_of_all, read_model, sidecar_text
from .margin import float32_norms, margin_radius
from .rounding import subnormals_are_kept
from .run.functions import check_functions
from .run.known_vectors import Predictions, check_answers
from .run.probe import check_arithmetic, probe_model
from .run.runtime import OnnxRuntime, Provider, Runtime, Session, provider_named

Radius = Literal["graph", "float64"]


class Certifier:
    """Predicts label and certified radius with a sealed model.

        certifier = Certifier.load("model.onnx", public_key=Path("author.pub"))
        label, radius, logits = certifier.predict(images)

    It may be used from several threads. It cannot be sent to another process: load it there, so that the process that
    predicts is the one that was checked.
    """

    def __init__(
        self, model: SealedModel, session: Session, provider: Provider, batch_size: int, radius: Radius
    ) -> None:
        self._model = model
        self._session = session
        self._provider = provider
        self._batch_size = batch_size
        self._radius = radius
        # What vouched for the file, so that another process can load it in the same way.
        self.public_key: str | None = None
        self.signature: str | None = None
        self._process = os.getpid()
        self._checked: set[int] = set()
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | bytes,
        public_key: str | Path | None = None,
        *,
        signature: str | None = None,
        sha256: str | None = None,
        providers: str | Sequence[str] = "cpu",
        batch_size: int = 64,
        radius: Radius = "graph",
        threads: int | None = None,
    ) -> Certifier:
        """Loads a sealed model from a file or its bytes, and checks all that can be checked without the proof.

        It does not prove the bound L from the weights, which takes the command `glean` (see `verify`). Somebody must
        vouch for the file: give the author's `public_key` (PEM text, or the path of its file; the signature is
        `signature`, or the one in `SOURCE.sig`), or the `sha256` that `glean verify` printed. With neither, a file's
        claims are only claims, and UnprovenWarning says so.

        The first of `providers` ('cpu', 'cuda') that works is taken. Its products are probed, and the known vectors
        are run one by one, together, and at every size of batch before it is used.

        `radius` is "graph", the output of the file's own head, or "float64", computed from the logits as the npm
        package does it; both are sound, and differ in their last digits.

        Raises InputError if the file cannot be read; SignatureError, OnnxFormatError, UnprovableError,
        CertificateError or ProviderError if it, or what executes it, is refused.
        """
        runtime = OnnxRuntime()
        data, sidecar = read_model(source)
        return load_with(
            runtime,
            data,
            public_key=key_text(public_key),
            signature=signature
            if signature is not None or sidecar is None or public_key is None
            else sidecar_text(sidecar),
            sha256=sha256,
            providers=[providers] if isinstance(providers, str) else list(providers),
            batch_size=batch_size,
            radius=radius,
            threads=threads,
        )

    @property
    def certificate(self) -> Certificate:
        """What the file claims."""
        return self._model.certificate

    @property
    def classes(self) -> tuple[str, ...]:
        return self._model.certificate.classes

    @property
    def provider(self) -> str:
        """The execution provider that runs, by ONNX Runtime's name."""
        return self._provider.name

    @property
    def sha256(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        return self._model.sha256

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self._model.data

    def predict(self, images: Image | Sequence[Image]) -> Predictions:
        """Label, radius and logits of images: an array [N, H, W, C] or [H, W, C], or a list of images.

        An image is pixels as uint8 (a model sees byte/255) or as float32 on [0, 1], a path, or an encoded file's
        bytes, which need Pillow.

        Raises InputError if an image is not of the model's shape or range; then nothing is predicted.
        """
        if os.getpid() != self._process:
            raise ProviderError("the model was loaded in another process: load it in this one, which then checks it")
        pixels = pixels_of_all(images, self.certificate.shape)
        if not subnormals_are_kept():
            raise ProviderError("this thread takes subnormal numbers for zero (session.set_denormal_as_zero)")
        parts = []
        for begin in range(0, len(pixels), self._batch_size):
            batch = pixels[begin : begin + self._batch_size]
            self.check_batch(len(batch))
            parts.append(self._run(batch))
        if len(parts) == 1:
            return parts[0]
        return Predictions(
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.radius for part in parts]),
            np.concatenate([part.logits for part in parts]),
        )

    def check_batch(self, size: int) -> None:
        """Runs known vectors in a batch of this size, unless that was done: providers choose kernels by the size.

        Raises ProviderError if an answer is not the stored one.
        """
        with self._lock:
            if size in self._checked:
                return
            vectors = np.resize(np.arange(len(self._model.images)), size)
            check_answers(self._run(self._vectors()[vectors]), vectors, self._model)
            self._checked.add(size)

    def check(self) -> None:
        """Runs the known vectors one by one, together, and at the size of a batch. Raises ProviderError as above."""
        images = self._vectors()
        for i, image in enumerate(images):
            check_answers(self._run(image[None]), np.array([i]), self._model)
        check_answers(self._run(images), np.arange(len(images)), self._model)
        self._checked.add(1)
        self.check_batch(self._batch_size)

    def _vectors(self) -> npt.NDArray[np.float32]:
        return self._model.images.reshape(-1, *self.certificate.shape)

    def _run(self, pixels: npt.NDArray[np.float32]) -> Predictions:
        n, classes = len(pixels), self._model.head.classes
        names = ["label", "radius", "logits"] if self._radius == "graph" else ["logits"]
        answers = dict(zip(names, self._session.run(names, {"image": pixels}), strict=True))
        logits = answers["logits"]
        if logits.shape != (n, classes) or logits.dtype != np.float32:
            raise ProviderError(
                f"the provider gave logits {logits.dtype} {logits.shape}, expected float32 {n, classes}"
            )
        if not np.isfinite(logits).all():
            raise ProviderError("the provider gave a logit that is not finite")
        if self._radius == "graph":
            label, radius = answers["label"], answers["radius"]
            if label.shape != (n,) or radius.shape != (n,):
                raise ProviderError(f"the provider gave {label.shape} labels and {radius.shape} radii for {n} images")
            return Predictions(label, radius, logits)
        first = np.argmax(logits, axis=1).astype(np.int64)
        norms = float32_norms(pixels.reshape(n, -1))
        return Predictions(first, margin_radius(logits, first, norms, self._model.terms), logits)


def load_with(
    runtime: Runtime,
    data: bytes,
    *,
    public_key: str | None = None,
    signature: str | None = None,
    sha256: str | None = None,
    providers: Sequence[str] = ("cpu",),
    batch_size: int = 64,
    radius: Radius = "graph",
    threads: int | None = None,
) -> Certifier:
    """Certifier.load with a runtime of the caller's."""
    if batch_size < 1 or (threads is not None and threads < 1):
        raise InputError(f"batch_size and threads must be at least 1, got {batch_size} and {threads}")
    if radius not in ("graph", "float64"):
        raise InputError(f'radius must be "graph" or "float64", got {radius!r}')
    if not subnormals_are_kept():
        raise ProviderError(
            "this process takes subnormal numbers for zero (session.set_denormal_as_zero), so no bound holds in it"
        )
    if public_key is not None:
        check_signature(data, signature, public_key)
    elif signature is not None:
        raise InputError("a signature can only be checked against a public key; none is given")
    model = read_sealed(data)
    if sha256 is not None:
        check_sha256(model, sha256)
    else:
        check_prover(model.certificate)
    if sha256 is None and public_key is None:
        warnings.warn(
            f"{model.sha256}: nobody vouches for what this file claims; give public_key, or the sha256 that "
            "'glean verify' printed",
            UnprovenWarning,
            stacklevel=3,
        )
    refused: list[ProviderError] = []
    for name in providers:
        try:
            precision = model.certificate.precision
            provider = provider_named(name, model.operators, precision)
            kinds: set[Precision] = {"float32", precision}
            for kind in sorted(kinds):
                check_arithmetic(runtime.open(probe_model(kind), provider, threads), [batch_size], kind)
            check_functions(partial(runtime.open, provider=provider, threads=threads), model.operators)
            session = runtime.open(model.data if radius == "graph" else model.network, provider, threads)
            certifier = Certifier(model, session, provider, batch_size, radius)
            certifier.check()
        except ProviderError as error:
            refused.append(error)
        else:
            certifier.public_key, certifier.signature = public_key, signature
            return certifier
    if len(refused) == 1:
        raise refused[0]
    raise ProviderError(f"no provider of the list works: {'; '.join(map(str, refused)) or 'it is empty'}")
