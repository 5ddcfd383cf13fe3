/** A form in a window: fields, the server's words beside the field that they are about, and one button. */
import { Button, Group, Stack } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { Refused } from "../api/call.ts";
import { useChange } from "../api/queries.ts";
import type { Change } from "../api/session.tsx";
import { Refusal } from "./confirm.tsx";
import { ChangedMeanwhile, type Version } from "./edited.tsx";
import { Window } from "./window.tsx";

export interface Fields<T> {
  readonly values: T;
  set<K extends keyof T>(name: K, value: T[K]): void;
  /** What Mantine's inputs take: label, value, change and what is wrong. */
  text(name: keyof T & string, wireName?: string): TextProps;
  number(name: keyof T & string, wireName?: string): NumberProps;
  choice(name: keyof T & string, wireName?: string): ChoiceProps;
  check(name: keyof T & string): CheckProps;
  /** What the server said of a field. */
  wrong(wireName: string): string | undefined;
}

interface TextProps {
  readonly value: string;
  readonly error?: string | undefined;
  onChange(event: { readonly currentTarget: { readonly value: string } }): void;
}
interface NumberProps {
  readonly value: number | string;
  readonly error?: string | undefined;
  onChange(value: number | string): void;
}
interface ChoiceProps {
  readonly value: string | null;
  readonly error?: string | undefined;
  onChange(value: string | null): void;
}
interface CheckProps {
  readonly checked: boolean;
  onChange(event: { readonly currentTarget: { readonly checked: boolean } }): void;
}

/** The values of a form, and how its fields read, change and complain. `error` is what the server refused. */
export function useFields<T extends object>(initial: T, error: Error | null): Fields<T> {
  const [values, setValues] = useState(initial);
  const set: Fields<T>["set"] = (name, value) => setValues((current) => ({ ...current, [name]: value }));
  const told = error instanceof Refused ? error.fields : {};
  const wrong = (wireName: string) => told[wireName];
  const of = (name: keyof T & string) => values[name] as never;
  const put = (name: keyof T & string, value: unknown) => set(name, value as T[keyof T & string]);
  return {
    values,
    set,
    wrong,
    text: (name, wireName = name) => ({
      value: of(name),
      error: wrong(wireName),
      onChange: (event) => put(name, event.currentTarget.value),
    }),
    number: (name, wireName = name) => ({
      value: of(name),
      error: wrong(wireName),
      onChange: (value) => put(name, value),
    }),
    choice: (name, wireName = name) => ({
      value: of(name),
      error: wrong(wireName),
      onChange: (value) => put(name, value),
    }),
    check: (name) => ({ checked: of(name), onChange: (event) => put(name, event.currentTarget.checked) }),
  };
}

interface FormProps<T extends object, A> {
  readonly title: string;
  readonly verb: string;
  readonly initial: T;
  /** What the form changes, as it was read; absent: the form makes something new. */
  readonly version?: Version | undefined;
  change(values: T): Change;
  onDone?(answer: A): void;
  close(): void;
  children(fields: Fields<T>): ReactNode;
  readonly size?: string;
}

export function FormWindow<T extends object, A = unknown>(props: FormProps<T, A>) {
  const { mutateAsync, isPending, error } = useChange<A>();
  const fields = useFields(props.initial, error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    // A form may be opened from within another one, which is not meant.
    event.stopPropagation();
    const change = { ifMatch: props.version?.etag ?? null, ...props.change(fields.values) };
    const answer = await mutateAsync(change).catch(() => undefined);
    if (answer === undefined) return;
    props.close();
    props.onDone?.(answer);
  };
  return (
    // A click beside the window is soon made by mistake, and would throw away all that was typed.
    <Window close={props.close} title={props.title} size={props.size ?? "md"} closeOnClickOutside={false}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Stack>
          {props.children(fields)}
          {error !== null && <FormRefusal error={error} version={props.version} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.close}>
              Cancel
            </Button>
            <Button type="submit" loading={isPending}>
              {props.verb}
            </Button>
          </Group>
        </Stack>
      </form>
    </Window>
  );
}

function FormRefusal({ error, version }: { readonly error: Error; readonly version: Version | undefined }) {
  const isChanged = version !== undefined && error instanceof Refused && error.code === "entity_changed";
  return isChanged ? <ChangedMeanwhile version={version} /> : <Refusal error={error} />;
}

/** What of a body has changed: what another administrator changes meanwhile in other fields stays theirs. */
export function changesOf<T extends object>(before: T, after: T): Partial<T> {
  const members = Object.entries(after).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof T]),
  );
  return Object.fromEntries(members) as Partial<T>;
}

/** Text that may be left out. */
export const orNull = (text: string) => (text.trim() === "" ? null : text.trim());

/** A number that may be left out. */
export const numberOrNull = (value: number | string) => (value === "" ? null : Number(value));
