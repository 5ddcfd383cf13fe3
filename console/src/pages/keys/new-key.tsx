/** A new key, and its secret, which is shown this once. */
import { Alert, Button, Code, CopyButton, Group, Radio, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import type { CreatedKey } from "../../api/types.ts";
import { EntityChoice, products } from "../../parts/entity-choice.tsx";
import { type Fields, FormWindow } from "../../parts/form.tsx";
import { Window } from "../../parts/window.tsx";

export const roleChoices = [
  { value: "viewer", label: "Viewer: reads" },
  { value: "operator", label: "Operator: also ends sessions, suspends and unassigns" },
  { value: "owner", label: "Owner: everything" },
];

const uses = [
  { value: "app", label: "Software that is handed out", description: "Takes and gives back tokens; looks nothing up." },
  { value: "backend", label: "A backend of yours", description: "Also looks up licences and sends batches." },
  { value: "admin", label: "Administration", description: "This console, scripts and support." },
];

interface NewKey {
  name: string;
  use: string;
  admin_role: string | null;
  isSigned: boolean;
  product_id: string | null;
}

const blank: NewKey = { name: "", use: "app", admin_role: "viewer", isSigned: true, product_id: null };

interface NewKeyFormProps {
  readonly onDone: (created: CreatedKey) => void;
  readonly close: () => void;
}

export function NewKeyForm({ onDone, close }: NewKeyFormProps) {
  return (
    <FormWindow<NewKey, CreatedKey>
      title="Create a key"
      verb="Create"
      initial={blank}
      change={(values) => ({ method: "POST", path: "keys", body: bodyOf(values) })}
      onDone={onDone}
      close={close}
    >
      {(fields) => <NewKeyFields fields={fields} />}
    </FormWindow>
  );
}

function bodyOf({ name, use, admin_role, isSigned, product_id }: NewKey) {
  if (use === "admin") return { name, role: "admin", admin_role, response_signature: "none" };
  return { name, role: "provisioning", scope: use, response_signature: isSigned ? "rsa" : "none", product_id };
}

function NewKeyFields({ fields }: { readonly fields: Fields<NewKey> }) {
  return (
    <>
      <TextInput
        label="Name"
        description="Who or what has it, such as “CAD 2026” or “support”."
        data-autofocus
        {...fields.text("name")}
      />
      <Radio.Group label="For" value={fields.values.use} onChange={(use) => fields.set("use", use)}>
        <Stack gap="xs" mt="xs">
          {uses.map((use) => (
            <Radio key={use.value} {...use} />
          ))}
        </Stack>
      </Radio.Group>
      {fields.values.use === "admin" ? (
        <Select label="Role" data={roleChoices} allowDeselect={false} {...fields.choice("admin_role")} />
      ) : (
        <>
          <EntityChoice
            of={products}
            label="Product"
            placeholder="All products"
            description="The key reaches only licences of this product."
            clearable
            clearButtonProps={{ "aria-label": "All products" }}
            value={fields.values.product_id}
            onChoose={(product) => fields.set("product_id", product?.id ?? null)}
            error={fields.wrong("product_id")}
          />
          <Switch
            label="Answers are signed"
            description="So that an application knows them to be this server's. Costs about a millisecond an answer."
            {...fields.check("isSigned")}
          />
        </>
      )}
    </>
  );
}

export function Secret({ of, close }: { readonly of: CreatedKey; readonly close: () => void }) {
  return (
    <Window close={close} title={`The key ${of.name}`} closeOnClickOutside={false}>
      <Stack>
        <Alert color="orange" variant="light">
          Copy it now. The server keeps only its digest, and never shows it again.
        </Alert>
        <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
          {of.secret}
        </Code>
        <Text size="sm" c="dimmed">
          Goes into the header {of.role === "admin" ? "AdminKey" : "ProvisioningKey"}.
        </Text>
        <Group justify="flex-end">
          <CopyButton value={of.secret}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy}>
                {copied ? "Copied" : "Copy"}
              </Button>
            )}
          </CopyButton>
          <Button onClick={close}>I have it</Button>
        </Group>
      </Stack>
    </Window>
  );
}
