import { describe, expect, test } from "@jest/globals";
import { hostNameOf, isIpAddress, isLoopback } from "../../src/settings/host-name.ts";

describe("the host in a Host header", () => {
  test.each([
    ["localhost", "localhost"],
    ["localhost:8080", "localhost"],
    ["LOCALHOST.:8080", "localhost"],
    ["Images.Example", "images.example"],
    ["my_host-1", "my_host-1"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["127.0.0.1:80", "127.0.0.1"],
    ["127.1", "127.0.0.1"],
    ["0x7f000001", "127.0.0.1"],
    ["2130706433", "127.0.0.1"],
    ["[::1]", "::1"],
    ["[0:0:0:0:0:0:0:1]:8080", "::1"],
    ["[::FFFF:127.0.0.1]", "::ffff:7f00:1"],
  ])("of %s is %s", (authority, host) => {
    expect(hostNameOf(authority)).toBe(host);
  });

  test.each([
    "",
    ":80",
    "localhost:",
    "localhost:99999",
    "localhost:80:80",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost/evil",
    "localhost?x",
    "localhost#x",
    "localhost\\evil",
    "local host",
    "localhost, evil.example",
    "l%6fcalhost",
    "http://localhost",
    "::1",
    "[::1",
    "[::1]x",
    "[fe80::1%25eth0]",
    "1.2.3.4.5",
    "bücher.example",
    "ｌocalhost",
    "a".repeat(300),
  ])("of %j is invalid", (authority) => {
    expect(hostNameOf(authority)).toBeUndefined();
  });

  test("is found quickly, however long the header is", () => {
    expect(hostNameOf("a.".repeat(500_000))).toBeUndefined();
    expect(hostNameOf(`[${":".repeat(1_000_000)}]`)).toBeUndefined();
  });
});

test.each(["localhost", "app.localhost", "127.0.0.1", "127.255.0.3", "::1", "::ffff:7f00:1"])(
  "%s is this machine",
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each([
  "localhost.example",
  "notlocalhost",
  "127.0.0.1.example",
  "128.0.0.1",
  "0.0.0.0",
  "::",
  "10.0.0.1",
  "::ffff:a00:1",
  "",
])("%s is not known to be this machine", (host) => {
  expect(isLoopback(host)).toBe(false);
});

test("addresses are distinguished from names", () => {
  expect(["1.2.3.4", "::1"].every(isIpAddress)).toBe(true);
  expect(["localhost", "1.2.3.4.example", ""].some(isIpAddress)).toBe(false);
});
