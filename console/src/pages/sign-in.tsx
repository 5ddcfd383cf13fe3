/** The way in: an admin key, for a cookie. */
import { Button, Center, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useSigning } from "../api/session.tsx";

export function SignIn() {
  const { signIn } = useSigning();
  const [key, setKey] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in – Seatkeeper";
    // It is all that there is to do here.
    field.current?.focus();
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(key.trim());
    } catch (error) {
      setRefusal((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Center mih="100vh" p="md" component="main">
      <form className="panel" onSubmit={(event) => void submit(event)}>
        <Stack p="xl" w={380} maw="100%">
          <div>
            <Title order={1}>Seatkeeper</Title>
            <Text size="sm" c="dimmed">
              Sign in with an admin key of your vendor.
            </Text>
          </div>
          <PasswordInput
            label="Admin key"
            description="An owner creates keys under Keys and access, or names them in the tenant file."
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
            error={refusal}
            autoComplete="current-password"
            ref={field}
            required
            withAsterisk={false}
          />
          <Button type="submit" loading={isBusy} disabled={key.trim() === ""}>
            Sign in
          </Button>
        </Stack>
      </form>
    </Center>
  );
}
