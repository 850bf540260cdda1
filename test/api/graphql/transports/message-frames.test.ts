import type { Writable } from "node:stream";
import { expect, test } from "@jest/globals";
import * as ws from "ws";
import { MessageFrames } from "../../../../src/api/graphql/transports/message-frames.ts";
import { type Random, seededRandom } from "../../../support/random.ts";

/** The classes of `ws` that read and write frames, which its types omit. */
const { Receiver, Sender } = ws as unknown as {
  readonly Receiver: new (options: object) => Writable;
  readonly Sender: { frame(data: Buffer, options: object): Buffer[] };
};

const TEXT = 1;
const CONTINUATION = 0;
const PING = 9;

/** Messages in frames as clients write them, with control frames in between. */
function toFrames(random: Random): Buffer[] {
  const frame = (opcode: number, fin: boolean, length: number) =>
    Buffer.concat(Sender.frame(random.bytes(length), { opcode, fin, mask: true, readOnly: true, rsv1: false }));
  const frames: Buffer[] = [];
  for (let message = random.whole(1, 6); message > 0; message--) {
    const pieces = random.whole(1, 4);
    for (let piece = 0; piece < pieces; piece++) {
      if (random.whole(0, 3) === 0) frames.push(frame(PING, true, random.whole(0, 125)));
      const length = random.pick([0, 1, 125, 126, 127, 1000, 65_535, 65_536, 70_000]);
      frames.push(frame(piece === 0 ? TEXT : CONTINUATION, piece === pieces - 1, length));
    }
  }
  return frames;
}

/** Checks that `ws` buffers nothing between messages, by its private fields. */
function isBetween(receiver: Writable): boolean {
  const { _fragmented, _bufferedBytes, _state } = receiver as unknown as Readonly<Record<string, number>>;
  return _fragmented === 0 && _bufferedBytes === 0 && _state === 0;
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "the frame reader finds the same messages as ws, with seed %i",
  (seed) => {
    const random = seededRandom(seed);
    const bytes = Buffer.concat(toFrames(random));
    const receiver = new Receiver({ isServer: true, skipUTF8Validation: true });
    let messageCount = 0;
    receiver.on("message", () => messageCount++);
    const frames = new MessageFrames();
    for (let position = 0; position < bytes.length; ) {
      const chunk = bytes.subarray(position, position + random.pick([1, 2, 7, 100, 5_000, 65_536]));
      position += chunk.length;
      const before = messageCount;
      receiver.write(chunk);
      const hasEnded = frames.write(chunk);

      if (messageCount > before) expect(hasEnded).toBe(true);
      expect(frames.unfinishedBytes > 0).toBe(!isBetween(receiver));
    }
    expect(frames.unfinishedBytes).toBe(0);
  },
);
