import { createServer } from "node:http";

/** Measures the cost of an event stream alone: Node's own server sends one answer and keeps the stream open. */
const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    response.setHeader("Content-Type", "text/event-stream");
    response.write('event: next\ndata: {"status":"QUEUED"}\n\n');
  });
}).listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
process.once("SIGTERM", () => process.exit(0));
