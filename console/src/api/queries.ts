/** Reading and changing, by the paths of the API. What was read under a path is stale when something there changes. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Method, Query } from "./call.ts";
import { useApi } from "./session.tsx";

/** Names a few vendors' worth of editions or customers in a choice; who has more searches the catalogue. */
export const choicesMax = 1_000;

export function useRead<T>(path: string, query: Query = {}, isEnabled = true) {
  const api = useApi();
  return useQuery({
    queryKey: [path, query],
    queryFn: () => api.get<T>(path, query),
    enabled: isEnabled,
    placeholderData: keepPreviousData,
  });
}

/** A list that tells its total in a header. */
export function useList<T>(path: string, query: Query = {}, isEnabled = true) {
  const api = useApi();
  return useQuery({
    queryKey: [path, "list", query],
    queryFn: () => api.list<T>(path, query),
    enabled: isEnabled,
    placeholderData: keepPreviousData,
  });
}

export interface Change {
  readonly method: Exclude<Method, "GET">;
  readonly path: string;
  readonly body?: unknown;
}

/** One change. Everything that is shown is read anew behind it: a change reaches further than its own path. */
export function useChange<T = unknown>() {
  const api = useApi();
  const client = useQueryClient();
  return useMutation<T, Error, Change>({
    mutationFn: ({ method, path, body }) => api.change<T>(method, path, body),
    onSuccess: () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "console-session" }),
  });
}
