/** A search that stands in the address; what is typed is asked for once the typing pauses. */
import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";
import { useUrl } from "./url.ts";

interface SearchProps {
  readonly label: string;
  readonly name?: string;
}

export function Search({ label, name = "search" }: SearchProps) {
  const url = useUrl();
  const [text, setText] = useState(url.get(name) ?? "");
  const ask = useDebouncedCallback((wanted: string) => url.set({ [name]: wanted.trim(), page: null }), 250);
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
