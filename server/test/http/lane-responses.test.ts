/** Heads that the fast lane keeps for a second say what a new one would. */
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Answer, json, jsonText } from "../../src/http/answer.ts";
import { ResponseLines } from "../../src/http/lane/response.ts";

const start = new Date("2026-11-23T12:00:00.250Z");

beforeEach(() => {
  vi.useFakeTimers({ now: start, toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const lines = new ResponseLines("Connection: keep-alive\r\n\r\n");

function written(answer: Answer, signed?: readonly string[], by = lines): string {
  const parts: string[] = [];
  const socket = { write: (part: string) => parts.push(part) } as unknown as Socket;
  by.write(socket, answer, signed);
  return parts.join("");
}

test("the time of day is that of each answer, and not of the one whose head was kept", () => {
  expect(written(json("a"))).toContain("Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n");
  vi.setSystemTime(start.getTime() + 749);
  expect(written(json("b"))).toContain("Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n");
  vi.setSystemTime(start.getTime() + 750);
  expect(written(json("c"))).toContain("Date: Mon, 23 Nov 2026 12:00:01 GMT\r\n");
  // A clock that was set back.
  vi.setSystemTime(start);
  expect(written(json("d"))).toContain("Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n");
});

test("another status, another type, further headers, a signature or another length make another head", () => {
  const plain = json("same");
  const others: readonly [Answer, (readonly string[])?][] = [
    [plain],
    [{ ...plain, status: 409 }],
    [{ ...plain, contentType: "application/problem+json" }],
    [{ ...plain, headers: ["Vary", "Accept"] }],
    [plain, ["x-slascone-signature", "c2lnbmF0dXJl"]],
    [json("longer than that")],
    // As many characters, and more bytes.
    [json("sämе")],
    [plain],
  ];
  for (const [answer, signed] of others) {
    expect(written(answer, signed)).toBe(written(answer, signed, new ResponseLines("Connection: keep-alive\r\n\r\n")));
  }
});

test("however many lengths there are, each answer tells its own", () => {
  for (let round = 0; round < 2; round++) {
    for (let length = 0; length < 200; length++) {
      expect(written(jsonText("x".repeat(length)))).toContain(`\r\nContent-Length: ${length}\r\n`);
    }
  }
});
