import { connect, createServer, type Socket } from "node:net";
import { pipeline, Transform } from "node:stream";

/** A TCP proxy between a client and a server that can fail like a network. */
export interface TcpProxy {
  readonly port: number;
  /** From now on no byte passes on the existing connections, and neither side notices. New connections work. */
  freeze(): void;
  /**
   * Breaks the first connection on which the client has sent these texts in this order. It drops either the last text
   * or the server's answer to it.
   */
  breakAt(texts: readonly string[], isAnswered: boolean): void;
  /** Breaks every connection. */
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let plan: { readonly texts: readonly string[]; readonly isAnswered: boolean } | undefined;
  const server = createServer((incoming) => {
    const outgoing = connect(targetPort, "127.0.0.1");
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    const cut = () => {
      incoming.destroy();
      outgoing.destroy();
    };
    const sent = new SentTexts();
    const watched = new Transform({
      transform(chunk, _encoding, done) {
        if (!plan || !sent.includes(plan.texts, chunk)) return done(null, chunk);
        const { isAnswered } = plan;
        plan = undefined;
        if (!isAnswered) return cut();
        outgoing.unpipe();
        outgoing.once("data", cut);
        done(null, chunk);
      },
    });
    pipeline(incoming, watched, outgoing, () => {});
    pipeline(outgoing, incoming, () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    freeze() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    breakAt(texts, isAnswered) {
      plan = { texts, isAnswered };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Finds texts in this order, however they are split into chunks. */
class SentTexts {
  #found = 0;
  /** The end of the sent data, in which the next text may begin. */
  #end = "";

  includes(texts: readonly string[], chunk: Buffer): boolean {
    this.#end += chunk.toString("latin1");
    for (let text = texts[this.#found]; text !== undefined; text = texts[++this.#found]) {
      const at = this.#end.indexOf(text);
      if (at < 0) {
        this.#end = this.#end.slice(-text.length);
        return false;
      }
      this.#end = this.#end.slice(at + text.length);
    }
    return true;
  }
}
