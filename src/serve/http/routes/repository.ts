/**
 * Triton's model repository extension: the index of the models folder. Requests to load or unload a model are refused.
 */
import { repositoryIndex } from '../../protocol/repository-index.ts';
import { readBody, Share } from '../body.ts';
import { HttpError } from '../http-error.ts';
import { answer, FLAG, json, list, object, orNull, REFUSED, ref } from './description.ts';
import type { RouteDeclaration } from './route.ts';

/** The most bytes that a question for the index may have; a complete one has fifteen. */
const MAX_QUESTION_BYTES = 64 * 1024;

const { 404: _noModel, ...INDEX_REFUSED } = REFUSED;

export const REPOSITORY_ROUTES: readonly RouteDeclaration[] = [
  {
    method: 'POST',
    path: '/v2/repository/index',
    route: 'metadata',
    description: {
      summary: 'Models of the folder, served or refused; the body may be empty',
      requestBody: { content: json(object({ ready: orNull(FLAG) }, [])) },
      responses: { 200: answer('The index', json(list(ref('IndexEntry')))), ...INDEX_REFUSED },
    },
    handle: async (context, { service, exchange }) => {
      const share = new Share(service.buffered);
      try {
        const body = await readBody(exchange.request, MAX_QUESTION_BYTES, share, exchange.wantBody);
        exchange.answering = true;
        return context.json(repositoryIndex(body, service));
      } finally {
        share.release();
      }
    },
  },
  {
    method: 'POST',
    path: '/v2/repository/models/:model/:action{load|unload}',
    route: 'metadata',
    handle: () => {
      throw new HttpError(
        400,
        'models come and go with the files in the models folder, which is looked at again and again; expected no request to load or unload one',
      );
    },
  },
];
