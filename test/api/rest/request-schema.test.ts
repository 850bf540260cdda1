import { expect, test } from "@jest/globals";
import { sizePattern } from "../../../src/api/rest/request-schema.ts";
import { MAX_SIDE, MIN_SIDE } from "../../../src/service/images/sizes.ts";

test("the pattern of a size matches exactly the sides that may be requested", () => {
  const pattern = new RegExp(`^${sizePattern("x")}$`);
  const sides = Array.from({ length: 11_000 }, (_, side) => side).filter((side) => pattern.test(`${side}x100`));

  expect(sides).toEqual(Array.from({ length: MAX_SIDE - MIN_SIDE + 1 }, (_, index) => MIN_SIDE + index));
  expect(pattern.test("064x100")).toBe(false);
});
