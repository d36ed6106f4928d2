/** Answers POST /predict: takes a picture, returns its label and radius. */

import { decodeImage } from '../../certify-runtime/run/decode/encoded-image.ts';
import { floorToFloat32 } from '../../certify-runtime/trusted/margin.ts';
import { isCertified, isLeastRadius, LEAST_RADIUS, leastRadius } from '../worker/least-radius.ts';
import { receive } from '../worker/receive.ts';
import type { AnswerParameters } from '../worker/served-model.ts';
import type { Service } from '../worker/service.ts';
import { Share } from './body.ts';
import type { Exchange } from './exchange.ts';
import { HttpError, shown } from './http-error.ts';
import { refuseForm, whyNoPicture } from './picture-body.ts';

export interface PictureAnswer {
  readonly model: string;
  readonly version: string;
  readonly label: number;
  readonly class: string;
  readonly radius: number;
  readonly logits: readonly number[];
  /** There if the service or the request has a least radius. */
  readonly certified?: boolean;
  readonly parameters: AnswerParameters;
}

/** @param query `model`, which may be left out if there is only one, `resize`, and `min_radius` */
export async function predictPicture(
  service: Service,
  exchange: Exchange,
  query: URLSearchParams,
): Promise<PictureAnswer> {
  const share = new Share(service.buffered);
  try {
    const id = query.get('model') ?? onlyModel(service);
    const resize = readResize(query.get('resize'));
    const { minRadius, maxPixels } = service.settings;
    const least = leastRadius(minRadius, readLeastRadius(query.get('min_radius')));
    service.models.find(id);
    exchange.model = id;
    refuseForm(exchange.request.headers['content-type']);
    const body = await receive(service, exchange, service.pictures, share);
    // We look the model up again because it may have been replaced while the picture arrived.
    const model = service.models.find(id);
    const [height, width, channels] = model.input.shape as [number, number, number];
    const decode = () =>
      decodeImage(body, [height, width, channels], { resize, maxPixels }).catch((error) => {
        throw whyNoPicture(body) ?? error;
      });
    const { data } = await service.decoding.pass(decode, exchange.gone);
    const answers = await model.batcher.submit(() => [data], exchange.gone);
    model.count(answers, least);
    const { label, className, radius, logits } = answers[0]!;
    return {
      model: model.id,
      version: model.version,
      label,
      class: className,
      radius: floorToFloat32(radius),
      logits: [...logits],
      ...(least === undefined ? {} : { certified: isCertified(radius, least) }),
      parameters: model.parametersWith(least),
    };
  } finally {
    share.release();
  }
}

function onlyModel({ models }: Service): string {
  const ids = Array.from(models.all(), ({ id }) => id);
  if (ids.length === 1) return ids[0]!;
  if (ids.length === 0) throw new HttpError(503, 'no model is loaded', { 'retry-after': '1' });
  throw new HttpError(400, `found no model in the query, expected ?model= and one of ${ids.join(', ')}`);
}

function readResize(value: string | null): boolean {
  if (value === null || value === 'false' || value === '0') return false;
  if (value === '' || value === 'true' || value === '1') return true;
  throw new HttpError(400, `found resize=${shown(value)}, expected true or false`);
}

/** One way only to match a run of digits, so that a long one that is no number after all is looked at once. */
const DECIMAL = /^(\d+(\.\d*)?|\.\d+)(e-?\d+)?$/i;

function readLeastRadius(text: string | null): number | undefined {
  if (text === null) return undefined;
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (isLeastRadius(value)) return value;
  throw new HttpError(400, `found min_radius=${shown(text)}, expected ${LEAST_RADIUS}`);
}
