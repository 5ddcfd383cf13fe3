/** A search that stands in the address; what is typed is asked for once the typing pauses. */
import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { useUrl } from "./url.ts";

/** Whoever types has stopped for this long before the server is asked. */
export const typingPauseMs = 250;

interface SearchProps {
  readonly label: string;
  readonly name?: string;
}

export function Search({ label, name = "search" }: SearchProps) {
  const url = useUrl();
  const asked = url.get(name) ?? "";
  const [text, setText] = useState(asked);
  // The address also changes otherwise: by "Show all", and by going back.
  useEffect(() => setText((typed) => (typed.trim() === asked ? typed : asked)), [asked]);
  const ask = useDebouncedCallback((wanted: string) => url.set({ [name]: wanted.trim(), page: null }), typingPauseMs);
  return (
    <TextInput
      size="xs"
      w={240}
      type="search"
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        ask(event.currentTarget.value);
      }}
    />
  );
}
