import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds the server that answers the console's calls. */
const server = process.env.SEATKEEPER_URL ?? "http://127.0.0.1:7070";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/console/",
  plugins: [react()],
  build: {
    // Beside the server's own code: the published package has it from there.
    outDir: fileURLToPath(new URL("../server/dist/console", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // The charts are half a megabyte by themselves, and loaded when a page has one.
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": server, "/console/session": server } },
});
