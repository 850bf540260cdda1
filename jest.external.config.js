import config from "./jest.config.js";

// The move of a store to PostgreSQL and a bucket is tested with more than `npm test` has time for.
process.env.PICTOGRAPH_TEST_GENERATIONS = "10000";

/**
 * Tests that need more than Node and npm, such as the interpreters of the samples. `npm run check:external` runs what
 * the machine has and prints what it could not run.
 *
 * @type {import("jest").Config}
 */
export default {
  ...config,
  testMatch: ["<rootDir>/test/external/**/*.test.ts", "<rootDir>/test/backup/outgrown.test.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  // Go compiles its standard library on the first run.
  testTimeout: 300_000,
};
