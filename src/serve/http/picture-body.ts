/** Explains how a client probably came to send a body that is not a picture, and how to send one. */
import { HttpError, shown } from './http-error.ts';

const HOW = "the bytes of the picture as they are: curl --data-binary @FILE -H 'Content-Type: image/png'";

function expected(status: number, found: string): HttpError {
  return new HttpError(status, `found ${found}, expected ${HOW}`);
}

/**
 * Refuses a picture that `curl -F` or an HTML form has wrapped. The header shows this before the body is read.
 *
 * @throws HttpError 415 if the body is a form
 */
export function refuseForm(contentType: string | undefined): void {
  if (contentType === undefined || !/^multipart\//i.test(contentType.trim())) return;
  const type = contentType.split(';', 1)[0]!.trim();
  throw expected(415, `Content-Type ${shown(type)} (curl -F, or a form)`);
}

/** How each format begins after `curl -d @FILE` has removed line feeds, carriage returns and NUL bytes. */
const WITHOUT_LINES = { PNG: '\x89PNG\x1a', JPEG: '\xff\xd8\xff', WebP: 'RIFF' } as const;
/** How base64 of each format begins. */
const BASE64 = { PNG: 'iVBORw0KGgo', JPEG: '/9j/', WebP: 'UklGR' } as const;
const SHOWN_CHARACTERS = 256;

/** @returns undefined if the body shows nothing that the decoder does not explain better */
export function whyNoPicture(body: Buffer): HttpError | undefined {
  const begin = body.toString('latin1', 0, SHOWN_CHARACTERS);
  // Every file of these formats has NUL bytes, because the lengths in it contain them.
  if (!body.includes(0) && !body.includes('\n') && !body.includes('\r')) {
    const format = named(WITHOUT_LINES, begin);
    if (format !== undefined) {
      return expected(400, `a ${format} without line feeds, carriage returns and NUL bytes, as curl -d sends it`);
    }
  }
  const text = begin.replace(/^[\s"']+/, '');
  const url = /^data:[^,]*,/i.exec(text);
  if (url !== null) return expected(400, 'a data URL, which is text');
  const format = named(BASE64, text);
  if (format !== undefined) return expected(400, `base64 of a ${format}, which is text`);
  if (/^[{[]/.test(text)) return expected(400, 'JSON, which /v2/models/NAME/infer takes');
  // This is what `curl -d image=@FILE` sends, and `curl --data-urlencode image@FILE`, with or without the name.
  if (/^[\w.-]+=|^%(89|FF)/i.test(text)) return expected(400, 'the field of a form');
  return undefined;
}

function named<Name extends string>(beginnings: Readonly<Record<Name, string>>, text: string): Name | undefined {
  return (Object.keys(beginnings) as Name[]).find((name) => text.startsWith(beginnings[name]));
}
