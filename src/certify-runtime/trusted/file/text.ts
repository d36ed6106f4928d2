/** Bytes as text: hexadecimal digits, and base64 in its one form. */

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The bytes, or null if the text differs from what btoa writes for them. atob forgives white space, missing padding and
 * left-over bits, but other decoders do not.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    const bytes = atob(text);
    return btoa(bytes) === text ? Uint8Array.from(bytes, (character) => character.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}
