/** Converts a graph model in a process of its own: `convert-child.ts MODEL [MILLISECONDS]`. Prints the error, or the number of nodes. */
import { convertGraphModel } from '../../../src/export/convert/convert.ts';

const [path, limit] = process.argv.slice(2);
try {
  const { graph } = await convertGraphModel(
    path!,
    ['latent', 'logits'],
    limit === undefined ? undefined : Number(limit),
  );
  console.log(graph.nodes.length);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
