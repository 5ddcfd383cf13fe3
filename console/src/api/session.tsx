/** Who is signed in, and the address that all of their vendor's calls begin with. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect } from "react";
import { type Method, type Query, Refused, send, withQuery } from "./call.ts";
import type { SignedIn } from "./types.ts";

export type Role = SignedIn["role"];

const path = "/console/session";
const key = ["console-session"];

/** All tabs of a browser share its cookie: who signs in or out in one does so in all of them. */
const tabs = new BroadcastChannel("seatkeeper-console");

/** Null: nobody is. Undefined: not known yet. */
export function useSession(): { readonly session: SignedIn | null | undefined; readonly error: Error | null } {
  const client = useQueryClient();
  const { data, error } = useQuery({ queryKey: key, queryFn: readSession, staleTime: 60_000, retry: 2 });
  useEffect(() => {
    // By now no page is there that would read it again.
    if (data === null) client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== key[0] });
  }, [data, client]);
  useEffect(() => {
    const follow = async () => {
      const now = await readSession();
      if (now?.key_id === client.getQueryData<SignedIn | null>(key)?.key_id) return;
      // Whoever it is begins without anything that the other one has read.
      become(client, null);
      if (now !== null) askWhoIsSignedIn(client);
    };
    const listener = () => void follow().catch(() => {});
    tabs.addEventListener("message", listener);
    return () => tabs.removeEventListener("message", listener);
  }, [client]);
  return { session: data, error };
}

/** Asks whether somebody still is signed in: something was refused that cannot tell why. */
export function askWhoIsSignedIn(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: key });
}

async function readSession(): Promise<SignedIn | null> {
  try {
    return (await send<SignedIn>("GET", path)).body;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return null;
    throw error;
  }
}

/** Somebody is signed in from now on, or nobody: then what was read is forgotten once the pages are gone. */
export function become(client: QueryClient, session: SignedIn | null): void {
  client.setQueryData(key, session);
}

export function useSigning() {
  const client = useQueryClient();
  return {
    signIn: async (adminKey: string) => {
      become(client, (await send<SignedIn>("POST", path, { admin_key: adminKey })).body);
      tabs.postMessage("signed in");
    },
    signOut: async () => {
      await send("DELETE", path);
      become(client, null);
      tabs.postMessage("signed out");
    },
  };
}

const roles = ["viewer", "operator", "owner"] as const;

export interface Change {
  readonly method: Exclude<Method, "GET">;
  readonly path: string;
  readonly body?: unknown;
  /** The version that it was made from. */
  readonly ifMatch?: string | null;
}

export interface Versioned<T> {
  readonly entity: T;
  readonly etag: string | null;
}

export interface Api {
  readonly session: SignedIn;
  /** Whether the role suffices: the server decides, this only hides what it would refuse. */
  may(role: Role): boolean;
  /** The address of a call, as links and event streams need it. */
  url(path: string, query?: Query): string;
  get<T>(path: string, query?: Query): Promise<T>;
  /** A page of a list that tells its total in a header. */
  list<T>(path: string, query?: Query): Promise<{ readonly items: T; readonly total: number }>;
  /** An entity with its version. */
  versioned<T>(path: string): Promise<Versioned<T>>;
  change<T>(change: Change): Promise<T>;
}

const ApiContext = createContext<Api | null>(null);

export function ApiProvider({ session, children }: { readonly session: SignedIn; readonly children: ReactNode }) {
  const url = (path: string, query?: Query) => withQuery(`/api/v2/isv/${session.isv_id}/${path}`, query);
  const api: Api = {
    session,
    may: (role) => roles.indexOf(session.role) >= roles.indexOf(role),
    url,
    get: async <T,>(path: string, query?: Query) => (await send<T>("GET", url(path, query))).body,
    list: async <T,>(path: string, query?: Query) => {
      const { body, total } = await send<T>("GET", url(path, query));
      return { items: body, total: total ?? 0 };
    },
    versioned: async <T,>(path: string) => {
      const { body, etag } = await send<T>("GET", url(path));
      return { entity: body, etag };
    },
    change: async <T,>({ method, path, body, ifMatch = null }: Change) =>
      (await send<T>(method, url(path), body, ifMatch)).body,
  };
  return <ApiContext value={api}>{children}</ApiContext>;
}

/** The API of whoever is signed in. */
export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === null) throw new Error("useApi outside of ApiProvider");
  return api;
}
