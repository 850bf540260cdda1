import { availableParallelism } from "node:os";

/** @type {import("jest").Config} */
export default {
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "<rootDir>/test/external/"],
  transform: {},
  globalSetup: "<rootDir>/test/support/jest/build.ts",
  runtime: "<rootDir>/test/support/jest/native-runtime.ts",
  testEnvironment: "<rootDir>/test/support/jest/native-environment.ts",
  testTimeout: 120_000,
  // Many tests wait for other processes, so more workers than cores end sooner.
  maxWorkers: availableParallelism() + 2,
};
