/**
 * Extracts from a failed tf2onnx's output what tells why: no npm notices, no TensorFlow banner, no traceback frames.
 */

/** The most lines shown: an exception's message may have several. */
const MOST_LINES = 8;

const NOISE = [
  /^npm (notice|warn|error|ERR!|info|verbose|verb|http|timing|sill|silly)\b/i,
  // TensorFlow and absl write "2026-11-26 09:02:22.238416: I tensorflow/core/…", "W0000 00:00:1764147742.238416 1234
  // …".
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] /,
  /^[IWE]\d{4} \d\d:\d\d:\d\d/,
  /^WARNING: All log messages before absl::InitializeLog\(\)/,
  /^To enable the following instructions:/,
  // tf2onnx writes "2026-11-26 09:08:46,793 - INFO - …"; its warnings and errors stay.
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ - (INFO|DEBUG|VERBOSE) - /,
  /^\S+:\d+: \w*Warning: /,
  /^<frozen runpy>:\d+: RuntimeWarning/,
];

/** What is shown if nothing else was said: then npx itself failed. */
const NPM_ERROR = /^npm (error|ERR!)\s+(?!A complete log of this run)(\S.*)$/i;

/**
 * The last lines of `output` that tell why it failed: the Python exception with its message, if there is one, and what
 * was said before it. If only npm said anything, npm's own error; '' if nothing was said.
 */
export function converterError(output: string): string {
  const lines = output.split(/\r?\n/).map((line) => line.trimEnd());
  const said = withoutTracebacks(lines.filter((line) => line !== '' && !NOISE.some((noise) => noise.test(line))));
  if (said.length > 0) return said.slice(-MOST_LINES).join('\n');
  const npm = lines.filter((line) => NPM_ERROR.test(line));
  return npm.slice(-MOST_LINES).join('\n');
}

/** Leaves out each traceback's heading and its frames, which are indented; the exception below them stays. */
function withoutTracebacks(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let inFrames = false;
  for (const line of lines) {
    if (line.startsWith('Traceback (most recent call last)')) inFrames = true;
    else if (!inFrames || !/^\s/.test(line)) {
      inFrames = false;
      kept.push(line);
    }
  }
  return kept;
}
