import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** The beginning of every token, by which secret scanners recognise it. */
const START = "pgk_";
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES = 32;
/** 256 bits in base62. */
const SECRET_LENGTH = 43;
/** 32 bits in base62. */
const CHECKSUM_LENGTH = 6;
const TOKEN = /^pgk_(?<secret>[0-9A-Za-z]{43})(?<checksum>[0-9A-Za-z]{6})$/;
/** The characters of a token that may be shown. The other 220 bits remain secret. */
const PREFIX_LENGTH = START.length + 6;

/** Creates the token of an API key: 256 random bits and their checksum. */
export function createToken(): string {
  const secret = toBase62(BigInt(`0x${randomBytes(SECRET_BYTES).toString("hex")}`), SECRET_LENGTH);
  return `${START}${secret}${checksumOf(secret)}`;
}

/** Whether a text can be a token. Mistyped and cut tokens fail the checksum, so the store is not asked for them. */
export function isToken(text: string): boolean {
  const { secret, checksum } = TOKEN.exec(text)?.groups ?? {};
  return secret !== undefined && checksumOf(secret) === checksum;
}

/** Returns the SHA-256 of a secret in hexadecimal. Only this is stored and compared. */
export function hashOf(secret: string): string {
  return hash("sha256", secret);
}

/** Returns the beginning of a token, by which people recognise it. */
export function prefixOf(token: string): string {
  return token.slice(0, PREFIX_LENGTH);
}

/** Counts in plain numbers, because every request is checked. */
function checksumOf(secret: string): string {
  let digits = "";
  for (let rest = crc32(secret); digits.length < CHECKSUM_LENGTH; rest = Math.floor(rest / 62)) {
    digits = ALPHABET[rest % 62] + digits;
  }
  return digits;
}

function toBase62(value: bigint, length: number): string {
  let digits = "";
  for (let rest = value; digits.length < length; rest /= 62n) digits = ALPHABET[Number(rest % 62n)] + digits;
  return digits;
}
