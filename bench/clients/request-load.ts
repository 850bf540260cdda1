import { connect } from "node:net";

/**
 * Requests one URL repeatedly over several connections, each as soon as the previous answer is complete. Returns the
 * requests a second. It reads only the length of each answer, to use little processor time itself: with large answers,
 * a client that parses them would be slower than the server.
 *
 * @throws Error when an answer is not 200
 */
export async function requestsPerSecond(url: string, connections: number, seconds: number): Promise<number> {
  const startedAt = performance.now();
  const counts = await Promise.all(
    Array.from({ length: connections }, () => requestUntil(new URL(url), startedAt + seconds * 1000)),
  );
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - startedAt) / 1000);
}

function requestUntil({ hostname, port, host, pathname, search }: URL, end: number): Promise<number> {
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect(Number(port), hostname, () => socket.write(request));
  let count = 0;
  let head = "";
  let left: number | undefined;
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the server closed a connection")));
  socket.on("data", (chunk) => {
    if (left === undefined) {
      head += chunk.toString("latin1");
      const headLength = head.indexOf("\r\n\r\n") + 4;
      if (headLength < 4) return;
      const [, length] = /^HTTP\/1\.1 200 .*\r\ncontent-length: *([0-9]+)\r\n/is.exec(head) ?? [];
      if (length === undefined) return reject(new Error(`answered with ${head.slice(0, head.indexOf("\r\n"))}`));
      left = Number(length) + headLength - head.length;
      head = "";
    } else {
      left -= chunk.length;
    }
    if (left > 0) return;
    left = undefined;
    count++;
    if (performance.now() < end) return socket.write(request);
    resolve(count);
    socket.destroy();
  });
  return promise;
}
