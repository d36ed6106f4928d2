/** What the views' HTML files have in common: the head, and the navigation between them. */

interface View {
  /** In the navigation. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** What the view is allowed beyond what every one is. */
  readonly policy?: readonly (readonly [directive: string, sources: string])[];
}

const VIEWS: Readonly<Record<string, View>> = {
  'index.html': {
    name: 'Digits',
    title: 'glean: certified prediction on your device',
    description: 'Draw a digit and see its label with a certified radius, computed and proven on your device.',
  },
  'faces.html': {
    name: 'Faces',
    title: 'glean: does it smile, or is it the hair?',
    description:
      'Change the hair of a drawn face and see which model follows it, with a certified radius, on your device.',
  },
  'inspect.html': {
    name: 'Inspect a model',
    title: 'glean: inspect a model',
    description:
      'Open an ONNX classifier: what is proven of it, where its bound is lost, and a label with a certified radius for your pictures, on your device.',
    // Other hosts may be asked for one thing only: the model that the link names. The page forbids the rest itself.
    policy: [
      ['media-src', "'self' blob: mediastream:"],
      ['connect-src', "'self' https:"],
    ],
  },
};

const POLICY: readonly (readonly [directive: string, sources: string])[] = [
  ['default-src', "'self'"],
  ['script-src', "'self' 'wasm-unsafe-eval'"],
  ['worker-src', "'self'"],
  ['style-src', "'self' 'unsafe-inline'"],
  ['img-src', "'self' data: blob:"],
  ['media-src', "'self'"],
  ['connect-src', "'self'"],
  ['object-src', "'none'"],
  ['base-uri', "'none'"],
  ['form-action', "'none'"],
];

function headLines({ title, description, policy = [] }: View): readonly string[] {
  const directives = [...new Map([...POLICY, ...policy])].map((directive) => directive.join(' '));
  return [
    '<meta charset="utf-8" />',
    '<meta name="viewport" content="width=device-width, initial-scale=1" />',
    '<meta name="color-scheme" content="light dark" />',
    `<meta name="description" content="${description}" />`,
    `<meta http-equiv="Content-Security-Policy" content="${directives.join('; ')}" />`,
    `<title>${title}</title>`,
    '<link rel="icon" href="./icon.svg" type="image/svg+xml" />',
    '<link rel="apple-touch-icon" href="./icon-192.png" vite-ignore />',
    '<link rel="manifest" href="./manifest.webmanifest" vite-ignore />',
    '<link rel="stylesheet" href="./style.css" />',
  ];
}

function navigationLines(current: string): readonly string[] {
  const links = Object.entries(VIEWS).map(
    ([file, { name }]) => `  <a href="./${file}"${file === current ? ' aria-current="page"' : ''}>${name}</a>`,
  );
  return ['<nav class="views" aria-label="Views">', ...links, '</nav>'];
}

/**
 * The HTML of a view with the common parts in the places of `<!-- head -->` and `<!-- views -->`.
 *
 * @throws Error if it is not one of the views, or has no such place
 */
export function withCommonParts(html: string, file: string): string {
  const view = VIEWS[file];
  if (view === undefined) throw new Error(`${file}: none of the views ${Object.keys(VIEWS).join(', ')}`);
  const put = (text: string, name: string, lines: readonly string[]): string => {
    const [before, after, ...more] = text.split(`<!-- ${name} -->`);
    if (after === undefined || more.length > 0) throw new Error(`${file}: expected <!-- ${name} --> once`);
    const indent = before!.slice(before!.lastIndexOf('\n'));
    return before + lines.join(indent) + after;
  };
  return put(put(html, 'head', headLines(view)), 'views', navigationLines(file));
}
