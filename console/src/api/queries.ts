/** Reading and changing, by the paths of the API. What was read under a path is stale when something there changes. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Query } from "./call.ts";
import { type Api, type Change, useApi, type Versioned } from "./session.tsx";

export function useRead<T>(path: string, query: Query = {}, isEnabled = true) {
  const api = useApi();
  return useQuery({
    queryKey: [path, query],
    queryFn: () => api.get<T>(path, query),
    enabled: isEnabled,
    placeholderData: keepPreviousData,
  });
}

/** What no event tells of, read anew every so often while it is looked at; or only while what was read last `changes`. */
export function useReadEvery<T>(ms: number, path: string, changes: (data: T) => boolean = () => true) {
  const api = useApi();
  return useQuery({
    queryKey: [path, {}],
    queryFn: () => api.get<T>(path),
    refetchInterval: ({ state: { data } }) => (data === undefined || changes(data as T) ? ms : false),
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

const edited = "edited";

/**
 * An entity as it is when a form opens, with the version that the form's change names. It is not read anew while the form
 * is open, unless that is asked for: what is typed was made from this version.
 */
export function useEdited<T>(path: string, read?: (api: Api) => Promise<Versioned<T>>) {
  const api = useApi();
  return useQuery({
    queryKey: [edited, path],
    queryFn: () => (read === undefined ? api.versioned<T>(path) : read(api)),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** One change. Everything that is shown is read anew behind it: a change reaches further than its own path. */
export function useChange<T = unknown>() {
  const api = useApi();
  const client = useQueryClient();
  return useMutation<T, Error, Change>({
    mutationFn: (change) => api.change<T>(change),
    onSuccess: () => client.invalidateQueries({ predicate: ({ queryKey: [path] }) => !isKept(path) }),
  });
}

const isKept = (path: unknown) => path === "console-session" || path === edited;
