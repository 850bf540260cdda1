/** Imports the package and prints which environment variables the package and its dependencies read for that. */
const read = [];
const note = (key) => {
  if (new Error().stack.includes("/node_modules/")) read.push(String(key));
};
process.env = new Proxy(process.env, {
  get: (environment, key) => note(key) ?? environment[key],
  has: (environment, key) => note(key) ?? key in environment,
  ownKeys: (environment) => note("all of them") ?? Reflect.ownKeys(environment),
});
const names = Object.keys(await import("pictograph"));
process.stdout.write(JSON.stringify({ names, read }));
