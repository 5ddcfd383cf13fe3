/** Live pages: what happens on the server makes what is shown be read anew. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Query } from "./call.ts";
import { askWhoIsSignedIn, useApi } from "./session.tsx";

/** A page under a thousand events a second is read anew no more often than this. */
const freshnessMs = 1_000;

/** Figures that are counted come a moment behind the events that they count. */
const countedMs = 2_500;

export type LiveState = "connecting" | "live" | "lost";

/** After a refusal, such as one of too many listeners. */
const againMs = 5_000;

/** What happens until the stream is open is told to nobody. A page that waited longer for it reads once more. */
const openingMs = 500;

/**
 * Listens for as long as the page is shown; reads everything below `paths` anew when something happens. A tab that nobody looks
 * at listens to nothing: a browser has six connections to a server, and as many tabs would take all of them.
 */
export function useLive(paths: readonly string[], filter: Query = {}): LiveState {
  const api = useApi();
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  const wanted = paths.join(" ");
  const address = api.url("events", filter);

  useEffect(() => {
    const prefixes = wanted.split(" ");
    const refresh = (those: readonly string[]) =>
      client.invalidateQueries({
        predicate: ({ queryKey }) => those.some((prefix) => String(queryKey[0]).startsWith(prefix)),
      });
    const counted = prefixes.filter((prefix) => prefix.startsWith("analytics/"));
    const inTurn = oneByOne();
    const soon = atMostEvery(freshnessMs, () => inTurn(() => refresh(prefixes)));
    const later = atMostEvery(countedMs, () => inTurn(() => refresh(counted)));
    const readAnew = () => {
      soon.call();
      later.call();
    };
    let source: EventSource | undefined;
    let isBehind = false;
    let again: ReturnType<typeof setTimeout> | undefined;
    const listen = () => {
      const since = Date.now();
      const own = new EventSource(address);
      source = own;
      own.onopen = () => {
        setState("live");
        // What happened while nobody listened is told to nobody.
        if (isBehind || Date.now() - since > openingMs) readAnew();
        isBehind = false;
      };
      own.onerror = () => {
        setState("lost");
        isBehind = true;
        // A connection that breaks the browser takes up by itself; one that was refused it does not.
        if (own.readyState !== EventSource.CLOSED) return;
        askWhoIsSignedIn(client);
        again = setTimeout(listen, againMs);
      };
      for (const kind of kinds) own.addEventListener(kind, readAnew);
    };
    const leave = () => {
      source?.close();
      source = undefined;
      clearTimeout(again);
    };
    const follow = () => {
      if (document.visibilityState === "visible") {
        if (source === undefined) listen();
        return;
      }
      if (source !== undefined) setState("connecting");
      leave();
      isBehind = true;
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      leave();
      soon.stop();
      later.stop();
    };
  }, [address, wanted, client]);

  return state;
}

/** Everything that changes what a page shows. */
const kinds = [
  "session.opened",
  "session.closed",
  "session.expired",
  "session.ended",
  "session.moved",
  "client.activated",
  "client.unassigned",
  "client.suspended",
  "project.created",
  "project.opened",
  "project.saved",
  "project.switched",
  "project.closed",
  "project.deleted",
  "execution.started",
  "execution.ended",
  "quota.reset",
  "denied",
];

/**
 * One act behind the other: reading anew throws away what is still being read, so where answers take longer than the next event
 * none would ever be shown, and the server would be asked for more and more of them.
 */
function oneByOne() {
  let last: Promise<unknown> = Promise.resolve();
  return (act: () => Promise<unknown>): Promise<unknown> => {
    last = last.then(act, act);
    return last;
  };
}

/** Acts once the time is over, however often it is called meanwhile; called while it acts, once more behind that. */
function atMostEvery(ms: number, act: () => Promise<unknown>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: "idle" | "waiting" | "acting" | "stopped" = "idle";
  let isCalled = false;
  const wait = () => {
    state = "waiting";
    timer = setTimeout(() => {
      state = "acting";
      isCalled = false;
      void act().finally(() => {
        if (state === "stopped") return;
        state = "idle";
        if (isCalled) wait();
      });
    }, ms);
  };
  return {
    call() {
      isCalled = true;
      if (state === "idle") wait();
    },
    stop() {
      state = "stopped";
      clearTimeout(timer);
    },
  };
}
