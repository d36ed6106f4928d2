'use client';

import { useState } from 'react';
import { useCertifier } from './use-certifier';

export function Certify() {
  const { certifier, error } = useCertifier('/model.onnx');
  const [answer, setAnswer] = useState('ready');

  async function certify(file: File | undefined) {
    if (certifier === undefined || file === undefined) return;
    try {
      const { className, radius } = await certifier.predict(await createImageBitmap(file));
      // Rounded down: nothing is proven beyond the radius.
      setAnswer(`${className}, certified to ℓ2 radius ${Math.floor(radius * 1e4) / 1e4}`);
    } catch (thrown) {
      setAnswer(String(thrown));
    }
  }

  return (
    <>
      <input
        type="file"
        accept="image/*"
        aria-label="Picture"
        disabled={certifier === undefined}
        onChange={(event) => certify(event.target.files?.[0])}
      />
      <output>{error?.message ?? (certifier === undefined ? 'loading' : answer)}</output>
    </>
  );
}
