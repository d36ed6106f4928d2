/**
 * The table of every route of the service.
 *
 * A new route needs a file with its `RouteDeclaration` (route.ts) and an entry in this list. app.ts then answers it,
 * and openapi.ts describes it.
 */
import { INFERENCE_ROUTES } from './inference.ts';
import { METADATA_ROUTES } from './metadata.ts';
import { PAGE_ROUTES } from './pages.ts';
import { REPOSITORY_ROUTES } from './repository.ts';
import type { RouteDeclaration } from './route.ts';

export const ROUTES: readonly RouteDeclaration[] = [
  ...PAGE_ROUTES,
  ...METADATA_ROUTES,
  ...REPOSITORY_ROUTES,
  ...INFERENCE_ROUTES,
];
