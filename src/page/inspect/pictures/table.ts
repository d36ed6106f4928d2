/** The answers for many pictures as CSV and as JSON. */
import type { Opened } from '../worker/protocol.ts';
import type { Row } from './rows.ts';

/** A field as RFC 4180 has it. */
function field(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line for each picture; with two models, the columns of the second follow those of the first. */
export function asCsv(rows: readonly Row[], models: readonly (Opened | null)[]): string {
  const shown = models.flatMap((model, m) => (model === null ? [] : [[model, m] as const]));
  const columns = shown.map(([, m]) => (shown.length === 1 ? '' : `_${m + 1}`));
  const head = [
    'file',
    'domain',
    'folder',
    ...columns.flatMap((end) => [`truth${end}`, `label${end}`, `radius${end}`, `problem${end}`]),
  ];
  const lines = rows.map(({ picture, results }) => [
    picture.path,
    picture.domain,
    picture.folder,
    ...shown.flatMap(([{ certificate }, m]) => {
      const { answer, truth, problem } = results[m] ?? {};
      return [truth === undefined ? undefined : certificate.classes[truth], answer?.className, answer?.radius, problem];
    }),
  ]);
  return `${[head, ...lines].map((line) => line.map(field).join(',')).join('\r\n')}\r\n`;
}

export function asJson(rows: readonly Row[], models: readonly (Opened | null)[]): string {
  return JSON.stringify({
    models: models.flatMap((model, m) =>
      model === null
        ? []
        : [
            {
              name: model.name,
              sha256: model.sha256,
              lipschitz: model.certificate.lipschitz.upper,
              classes: model.certificate.classes,
              answers: rows.map(({ picture, results }) => {
                const { answer, truth, problem } = results[m] ?? {};
                return {
                  file: picture.path,
                  domain: picture.domain ?? null,
                  truth: truth ?? null,
                  ...(answer === undefined ? { problem } : { ...answer, logits: [...answer.logits] }),
                };
              }),
            },
          ],
    ),
  });
}
