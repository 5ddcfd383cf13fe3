/** Headers by which a browser keeps an answer to itself. */

/** `policy`: what the page may load, and from where; nobody may frame it. */
export function browserHeaders(policy: readonly string[]): string[] {
  return [
    "Content-Security-Policy",
    [...policy, "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"].join("; "),
    "X-Content-Type-Options",
    "nosniff",
    "Referrer-Policy",
    "no-referrer",
    "Cross-Origin-Opener-Policy",
    "same-origin",
    "Cross-Origin-Resource-Policy",
    "same-origin",
  ];
}

/** An answer with data is no page: it loads nothing, is framed by nobody, and no cache keeps it. */
export const dataHeaders: readonly string[] = ["Cache-Control", "no-store", ...browserHeaders(["default-src 'none'"])];
