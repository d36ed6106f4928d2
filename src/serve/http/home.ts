/** The page at /, which lists what is served and links to more. */
import type { ServedModel } from '../worker/served-model.ts';

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function row({ id, version, input, parameters, certifier }: ServedModel): string {
  const cells = [
    `<a href="/v2/models/${escapeHtml(id)}">${escapeHtml(id)}</a>`,
    escapeHtml(version),
    input.shape.join(' × '),
    escapeHtml(certifier.certificate.classes.join(', ')),
    String(parameters['lipschitz']),
    `<code>${escapeHtml(String(parameters['sha256']))}</code>`,
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

export function homePage(models: Iterable<ServedModel>): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>glean</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; vertical-align: top }
pre { overflow-x: auto }
</style>
</head>
<body>
<h1>glean</h1>
<p>A label, and the ℓ2 radius within which it cannot change. Pixels are on [0, 1].</p>
<table>
<thead><tr><th>model</th><th>version</th><th>image</th><th>classes</th><th>L</th><th>sha256</th></tr></thead>
<tbody>${Array.from(models, row).join('')}</tbody>
</table>
<pre>curl --data-binary @picture.png 'http://HOST:PORT/predict?model=NAME&amp;resize=true'</pre>
<p><a href="/openapi.json">OpenAPI</a> · <a href="/v2">Open Inference Protocol</a> · <a href="/metrics">metrics</a></p>
</body>
</html>
`;
}
