import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** What every token of an API key begins with, so that scanners of secrets know it. */
const START = "pgk_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES = 32;
/** 256 bits in base62. */
const SECRET_LENGTH = 43;
/** 32 bits in base62. */
const CHECKSUM_LENGTH = 6;
const TOKEN = /^pgk_(?<secret>[0-9A-Za-z]{43})(?<checksum>[0-9A-Za-z]{6})$/;
/** Characters of a token that may be shown: 36 bits less for somebody who guesses the other 220. */
const PREFIX_LENGTH = START.length + 6;

/** Makes the token of an API key: 256 random bits and a checksum over them. */
export function createToken(): string {
  const secret = toBase62(BigInt(`0x${randomBytes(SECRET_BYTES).toString("hex")}`), SECRET_LENGTH);
  return `${START}${secret}${checksumOf(secret)}`;
}

/** Whether a text can be a token. The checksum finds what was mistyped or cut, without asking the store. */
export function isToken(text: string): boolean {
  const { secret, checksum } = TOKEN.exec(text)?.groups ?? {};
  return secret !== undefined && checksumOf(secret) === checksum;
}

/** What stands for a secret where it is stored or compared: SHA-256, in hexadecimal. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** The beginning of a token, by which people tell it from others. */
export function prefixOf(token: string): string {
  return token.slice(0, PREFIX_LENGTH);
}

function checksumOf(secret: string): string {
  return toBase62(BigInt(crc32(secret)), CHECKSUM_LENGTH);
}

function toBase62(value: bigint, length: number): string {
  let digits = "";
  for (let rest = value; digits.length < length; rest /= 62n) digits = ALPHABET[Number(rest % 62n)] + digits;
  return digits;
}
