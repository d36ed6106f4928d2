/**
 * Many pictures at once: the test domain's digits, or files dropped in; shows the curve and the numbers, and saves the
 * answers as a file.
 */
import { AREA, GREEN, IMAGE_SIZE, paint, RED } from '../digit/colour.ts';
import { certifiedShares, truthFromName } from '../digit/curve.ts';
import { normaliseDigit } from '../digit/normalise.ts';
import type { Answer } from '../worker/answers.ts';
import type { Client } from '../worker/client.ts';
import type { Calls, ModelFacts } from '../worker/protocol.ts';
import { chart, legend, shareTable } from './chart.ts';
import { formatCount, html } from './dom.ts';
import { readPicture } from './picture.ts';

/** The radii of the paper's table. */
const PAPER_RADII = Array.from({ length: 10 }, (_, i) => i * 0.05);
const CURVE_RADII = Array.from({ length: 301 }, (_, i) => i / 200);
const MAX_FILES = 5000;
/** The range of the chart's width, in CSS pixels. */
const [MIN_CHART, MAX_CHART] = [280, 730];

interface Pictures {
  readonly title: string;
  readonly names: readonly string[];
  /** The pixels of the pictures, one after the other. */
  readonly images: Uint8Array;
  /** The index of the right class, if it is known. */
  readonly truth: readonly (number | undefined)[];
}

/** The test domain as it is, with every digit in the other colour, or all in one colour. */
type Colouring = 'test' | 'swapped' | 'red' | 'green';

const COLOURINGS: readonly (readonly [Colouring, string])[] = [
  ['test', 'as in the test domain: 90 % contradict the label'],
  ['swapped', 'every digit in the other colour: 90 % agree with the label'],
  ['red', 'all red'],
  ['green', 'all green'],
];

/** Records of 784 grey bytes, label, colour, digit; src/page/build/content.ts writes them. */
function testDigits(bytes: Uint8Array, colouring: Colouring): Pictures {
  const record = AREA + 3;
  const count = bytes.length / record;
  const images = new Uint8Array(count * IMAGE_SIZE);
  const truth: number[] = [];
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const [label, colour, digit] = bytes.subarray(i * record + AREA, (i + 1) * record);
    const green = { test: colour === 1, swapped: colour === 0, red: false, green: true }[colouring];
    images.set(paint(bytes.subarray(i * record, i * record + AREA), green ? GREEN : RED), i * IMAGE_SIZE);
    truth.push(label!);
    names.push(`test digit ${i} (${digit})`);
  }
  return {
    title: `${formatCount(count)} test digits (${COLOURINGS.find(([name]) => name === colouring)![1]})`,
    names,
    images,
    truth,
  };
}

async function fromFiles(files: readonly File[]): Promise<{ readonly pictures: Pictures; readonly refused: string[] }> {
  const [names, truth, parts, refused] = [
    [] as string[],
    [] as (number | undefined)[],
    [] as Uint8Array[],
    [] as string[],
  ];
  for (const file of files) {
    try {
      const { exact, ink } = await readPicture(file);
      const grey = exact === undefined ? normaliseDigit(ink) : undefined;
      const image = exact ?? (grey === undefined ? undefined : paint(grey, GREEN));
      if (image === undefined) throw new Error(`${file.name}: nothing is drawn in it`);
      parts.push(image);
      names.push(file.name);
      truth.push(truthFromName(file.name));
    } catch (error) {
      refused.push(error instanceof Error ? error.message : String(error));
    }
  }
  const images = new Uint8Array(parts.length * IMAGE_SIZE);
  parts.forEach((part, i) => {
    images.set(part, i * IMAGE_SIZE);
  });
  return { pictures: { title: `${formatCount(parts.length)} of your pictures`, names, images, truth }, refused };
}

/** What to say about pictures whose label nobody gave. */
function caveat({ truth }: Pictures): string {
  const known = truth.filter((label) => label !== undefined).length;
  if (known === truth.length) return '';
  if (known === 0) {
    return 'No file name begins with its digit (7-a.png), so no label can be wrong here: the curve is the share that is certified at r.';
  }
  const unknown = truth.length - known;
  return unknown === 1
    ? '1 file name does not begin with its digit (7-a.png); its label counts as right.'
    : `${unknown} file names do not begin with their digit (7-a.png); their labels count as right.`;
}

export class BatchView {
  readonly #client: Client<Calls, number>;
  readonly #base: string;
  readonly #models: readonly ModelFacts[];
  readonly #colouring = html(
    'select',
    { id: 'colouring' },
    ...COLOURINGS.map(([value, text]) => html('option', { value }, text)),
  );
  readonly #run = html('button', { type: 'button', class: 'primary' }, 'Run the 1 500 test digits');
  readonly #choose = html('button', { type: 'button' }, 'choose files…');
  readonly #files = html('input', {
    type: 'file',
    accept: 'image/png,image/jpeg,image/webp',
    multiple: true,
    hidden: true,
    'aria-label': 'Pictures',
  });
  readonly #progress = html('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Pictures done' });
  readonly #message = html('p', { class: 'small', role: 'status' });
  readonly #result = html('div', { class: 'result' });
  #busy = false;

  constructor(root: HTMLElement, client: Client<Calls, number>, base: string, models: readonly ModelFacts[]) {
    this.#client = client;
    this.#base = base;
    this.#models = models;
    this.#run.addEventListener('click', () => this.#do(() => this.#runTestDigits()));
    this.#choose.addEventListener('click', () => this.#files.click());
    this.#files.addEventListener('change', () => {
      this.open([...(this.#files.files ?? [])]);
      this.#files.value = '';
    });
    root.replaceChildren(
      html(
        'div',
        { class: 'row' },
        this.#run,
        html('label', { class: 'grow' }, html('span', { class: 'small' }, 'Colours '), this.#colouring),
      ),
      html(
        'p',
        { class: 'drop', id: 'drop' },
        'Or drop your own pictures here, or ',
        this.#choose,
        this.#files,
        html(
          'span',
          { class: 'small muted' },
          ' 28×28 pictures are taken as they are; others are scaled and centred as digits, and made green. A name such as 7-a.png says which digit it is.',
        ),
      ),
      this.#progress,
      this.#message,
      this.#result,
    );
  }

  /** Runs the models on picture files. */
  open(files: readonly File[]): void {
    if (files.length === 0) return;
    this.#do(async () => {
      if (files.length > MAX_FILES) throw new Error(`found ${files.length} files, expected at most ${MAX_FILES}`);
      const { pictures, refused } = await fromFiles(files);
      if (pictures.names.length === 0) throw new Error(refused.join(' '));
      await this.#show(pictures);
      this.#message.textContent = [caveat(pictures), ...refused].join(' ').trim();
    });
  }

  async #do(work: () => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#run.disabled = true;
    this.#message.textContent = '';
    this.#message.classList.remove('bad');
    try {
      await work();
    } catch (error) {
      this.#message.textContent = error instanceof Error ? error.message : String(error);
      this.#message.classList.add('bad');
    } finally {
      this.#progress.hidden = true;
      this.#run.disabled = false;
      this.#busy = false;
    }
  }

  async #runTestDigits(): Promise<void> {
    const bytes = await this.#client.call('digits', { base: this.#base });
    await this.#show(testDigits(bytes, this.#colouring.value as Colouring));
  }

  async #show(pictures: Pictures): Promise<void> {
    this.#progress.hidden = false;
    this.#progress.value = 0;
    const begin = performance.now();
    const answers = await this.#client.call('batch', { images: pictures.images }, (share) => {
      this.#progress.value = share;
    });
    const seconds = (performance.now() - begin) / 1000;
    const curvesAt = (radii: readonly number[]) =>
      answers.map((of, index) => ({
        name: this.#models[index]!.title,
        index,
        shares: certifiedShares(of, pictures.truth, radii),
      }));
    const curves = curvesAt(CURVE_RADII);
    const [first, second] = curves.map(({ shares }) => `${(100 * shares[0]!).toFixed(1)} %`);
    const title = `${pictures.title}. Right: ${first} by the ${curves[0]!.name.toLowerCase()}, ${second} by the ${curves[1]!.name.replace('Ordinary', 'ordinary')}`;
    const width = Math.min(Math.max(this.#result.clientWidth, MIN_CHART), MAX_CHART);
    const save = html('button', { type: 'button' }, 'Save all answers (JSON)');
    save.addEventListener('click', () => this.#save(pictures, answers));
    this.#result.replaceChildren(
      html(
        'p',
        { id: 'batch-summary' },
        `${title}. ${formatCount(answers.length * pictures.names.length)} certificates in ${seconds.toFixed(2)} s.`,
      ),
      legend(curves),
      chart(CURVE_RADII, curves, `Certified accuracy. ${title}`, width),
      shareTable(PAPER_RADII, curvesAt(PAPER_RADII)),
      html('p', {}, save),
    );
  }

  #save(pictures: Pictures, answers: readonly (readonly Answer[])[]): void {
    const content = {
      title: pictures.title,
      models: this.#models.map(({ id, sha256 }, m) => ({
        id,
        sha256,
        answers: answers[m]!.map(({ label, className, radius, logits }, i) => ({
          name: pictures.names[i],
          truth: pictures.truth[i] ?? null,
          label,
          className,
          radius,
          logits: [...logits],
        })),
      })),
    };
    const url = URL.createObjectURL(new Blob([JSON.stringify(content)], { type: 'application/json' }));
    html('a', { href: url, download: 'glean-answers.json' }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
