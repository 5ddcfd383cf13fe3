import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./console.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refused } from "./api/call.ts";
import { become } from "./api/session.tsx";
import { App } from "./app.tsx";
import { readable, theme } from "./theme.ts";

/** Mantine's own styles carry the nonce of the page: the policy lets no others in. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

declare global {
  var __webpack_nonce__: string | undefined;
}
// Where the style that holds the page still behind a window looks for it.
globalThis.__webpack_nonce__ = nonce;

const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: whenSignedOut }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // A refusal stays one; a server that cannot be reached, as a proxy may say without a code, may come back.
      retry: (count, error) => !(error instanceof Refused && error.code !== "unknown") && count < 2,
    },
  },
});

/** The cookie has ended: back to the sign-in. */
function whenSignedOut(error: Error): void {
  if (error instanceof Refused && error.status === 401) become(queries, null);
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={readable}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <Notifications position="bottom-right" />
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
