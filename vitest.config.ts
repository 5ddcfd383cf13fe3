import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Most tests wait for disks and other processes, so that more of them than cores are worth their while.
    maxWorkers: 3,
    include: ["server/test/**/*.test.ts", "client/test/**/*.test.ts", "console/test/**/*.test.ts"],
    globalSetup: ["server/test/leave-nothing.ts", "server/test/compiled-once.ts"],
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What is waited for comes at once, but not on a machine whose cores are others' for a second.
    expect: { poll: { timeout: 10_000 } },
  },
});
