/** How a program in plain JavaScript uses the package. */
import { createServer } from "node:http";
import { createGateway } from "pictograph";

const gateway = await createGateway({ dataDir: "./data-javascript" });
const server = createServer(gateway.app);
await new Promise((resolve) => server.listen(0, resolve));
const answer = await fetch(`http://localhost:${server.address().port}/get-image`, {
  method: "POST",
  body: new URLSearchParams({ prompt: "a red fox", n: "1", size: "96x64" }),
});
const { urlResponse, errorMessage } = await answer.json();
const image = await fetch(urlResponse.urlList[0]);
server.close();
await gateway.close();
process.stdout.write(JSON.stringify({ errorMessage, type: image.headers.get("content-type") }));
