/** Turns `src/**.test.ts` into a test run: pure modules only, so plain Node is all that it needs. */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { environment: "node", include: ["src/**/*.test.ts"] } });
