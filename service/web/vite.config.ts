/** Turns `src/` into `dist/`, and in development passes the API's paths on to a running service. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

import { swaggerUi } from "./swagger-ui.ts";

const service = process.env["CONVSCOPE_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "/",
  plugins: [svelte(), swaggerUi()],
  // A file inlined as data: URL would need its own hole in the Content-Security-Policy.
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { "/v1": service, "/v2": service, "/openapi.json": service } },
});
