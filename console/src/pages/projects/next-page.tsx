/** Back and forth in a list that does not tell how long it is. */
import { Button, Group } from "@mantine/core";
import { useUrl } from "../../parts/url.ts";

export function NextPage({ hasMore }: { readonly hasMore: boolean }) {
  const url = useUrl();
  if (!hasMore && url.page === 1) return null;
  const go = (page: number) => url.set({ page: page === 1 ? null : page }, false);
  return (
    <Group justify="flex-end" p="sm" gap="xs">
      <Button size="xs" variant="default" disabled={url.page === 1} onClick={() => go(url.page - 1)}>
        Back
      </Button>
      <Button size="xs" variant="default" disabled={!hasMore} onClick={() => go(url.page + 1)}>
        More
      </Button>
    </Group>
  );
}
