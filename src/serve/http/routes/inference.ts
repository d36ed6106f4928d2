/** The routes that predict: hono answers those for pictures, and infer.ts those for tensors. */
import { predictPicture } from '../predict.ts';
import { answer, FLAG, json, NUMBER, REFUSED, ref, TEXT } from './description.ts';
import type { RouteDeclaration } from './route.ts';

const BINARY = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } as const;

const infer = (path: string): RouteDeclaration => ({
  method: 'POST',
  path,
  route: 'infer',
  description: {
    summary: 'Label, radius and logits of images',
    description:
      'The Open Inference Protocol, version 2, with its binary tensor extension: where Inference-Header-Content-Length is given, so many bytes are JSON, and raw little-endian tensors follow.',
    requestBody: { required: true, content: { ...json(ref('InferRequest')), ...BINARY } },
    responses: {
      200: answer('The outputs that were asked for', { ...json(ref('InferResponse')), ...BINARY }),
      ...REFUSED,
    },
  },
});

export const INFERENCE_ROUTES: readonly RouteDeclaration[] = [
  {
    method: 'POST',
    path: '/predict',
    route: 'predict',
    description: {
      summary: 'Label and radius of a picture',
      parameters: [
        { name: 'model', in: 'query', schema: TEXT, description: 'May be left out where only one is served' },
        { name: 'resize', in: 'query', schema: FLAG, description: 'Fit a picture of another size, on black' },
        {
          name: 'min_radius',
          in: 'query',
          schema: { ...NUMBER, exclusiveMinimum: 0 },
          description: "The least radius to call certified, where it is greater than the service's own",
        },
      ],
      requestBody: {
        required: true,
        content: Object.fromEntries(['image/png', 'image/jpeg', 'image/webp'].map((type) => [type, {}])),
      },
      responses: { 200: answer('The prediction', json(ref('Prediction'))), ...REFUSED },
    },
    handle: async (context, { service, exchange }) =>
      context.json(await predictPicture(service, exchange, new URL(context.req.url).searchParams)),
  },
  infer('/v2/models/:model/infer'),
  infer('/v2/models/:model/versions/:version/infer'),
];
