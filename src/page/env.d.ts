/** Types of what vite puts in: `?url` imports. */
/// <reference types="vite/client" />
