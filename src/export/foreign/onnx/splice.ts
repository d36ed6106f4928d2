/** Changes a few fields of a protobuf message and leaves every other byte as it is. */
import { encode } from '../../../certify-runtime/trusted/onnx/wire.ts';
import type { Span } from './wire.ts';
import { fieldsOf } from './wire.ts';

/** A field as it is written, its number included. */
export type Replacement = Uint8Array | null;

/** The message with each field of which `change` gives bytes replaced by these; null leaves it as it is. */
export function spliced(span: Span, change: (number: number, index: number, content: Span) => Replacement): Uint8Array {
  const counts = new Map<number, number>();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (const { number, start, content } of fieldsOf(span)) {
    const index = counts.get(number) ?? 0;
    counts.set(number, index + 1);
    const chunk = change(number, index, content) ?? span.bytes.subarray(start, content.end);
    chunks.push(chunk);
    size += chunk.length;
  }
  const message = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    message.set(chunk, at);
    at += chunk.length;
  }
  return message;
}

/** The message under another name, which is text in field `number`. */
export function renamed(span: Span, number: number, name: string): Uint8Array {
  const rest = spliced(span, (other) => (other === number ? new Uint8Array() : null));
  const first = encode({ [number]: name });
  const message = new Uint8Array(first.length + rest.length);
  message.set(first);
  message.set(rest, first.length);
  return message;
}
