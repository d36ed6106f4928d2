import { defineConfig } from 'vite';

// The page works in any folder of any host.
export default defineConfig({ base: './' });
