/** How a program with CommonJS modules uses the package. */
const { createGateway, GatewayError } = require("pictograph");

process.stdout.write(JSON.stringify([typeof createGateway, typeof GatewayError]));
