/** Answers POST /v2/models/{model}[/versions/{version}]/infer. */

import { writeInferAnswer } from '../protocol/infer-answer.ts';
import { type InferRequest, readInferRequest } from '../protocol/infer-request.ts';
import { HEADER_LENGTH } from '../protocol/tensors.ts';
import { receive } from '../worker/receive.ts';
import type { Service } from '../worker/service.ts';
import { Share } from './body.ts';
import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';

const PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?\/infer$/;

export interface InferTarget {
  readonly id: string;
  readonly version: string | undefined;
}

/**
 * The model that a path asks for inference, or undefined if the path is for something else. The path is compared as
 * written, because no model's name needs escapes.
 */
export function inferTarget(path: string): InferTarget | undefined {
  if (!path.endsWith('/infer')) return undefined;
  const match = PATH.exec(path);
  return match === null ? undefined : { id: match[1]!, version: match[2] };
}

export async function infer(service: Service, exchange: Exchange, { id, version }: InferTarget): Promise<void> {
  const share = new Share(service.buffered);
  try {
    const { request } = exchange;
    exchange.route = 'infer';
    if (request.method !== 'POST') {
      throw new HttpError(405, `found ${request.method}, expected POST`, { allow: 'POST' });
    }
    const { line } = service.models.find(id, version);
    exchange.model = id;
    const body = await receive(service, exchange, line, share);
    // We look the model up again because it may have been replaced while the body arrived.
    const model = service.models.find(id, version);
    const headerLength = request.headers[HEADER_LENGTH] as string | undefined;
    const { minRadius } = service.settings;
    let asking: InferRequest | undefined;
    const answers = await model.batcher.submit(() => {
      asking = readInferRequest(body, headerLength, model.input, minRadius, (count) => model.batcher.fits(count));
      return asking.images;
    }, exchange.gone);
    const { id: requestId, outputs, least } = asking!;
    model.count(answers, least);
    const answer = writeInferAnswer(model.answerHead(least), requestId, outputs, answers, least);
    if (answer.headerLength === undefined) {
      exchange.send(200, 'application/json', answer.body);
    } else {
      const headers = { [HEADER_LENGTH]: String(answer.headerLength) };
      exchange.send(200, 'application/octet-stream', answer.body, headers);
    }
  } catch (error) {
    exchange.fail(error);
  } finally {
    share.release();
  }
}
