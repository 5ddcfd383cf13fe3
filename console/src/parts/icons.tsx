/** The few pictures of the navigation: strokes on a field of 24. */
const shapes = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z",
  denials: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.7 5.7l12.6 12.6",
  projects: "M3 6h6l2 2h10v11H3zM3 11h18",
  catalogue: "M4 5h16M4 12h16M4 19h10M17 16v6M14 19h6",
  keys: "M14.5 9.5a5 5 0 1 0-4.6 5L12 12.4h2v-2zM6.5 6.5h.01M13 13l7 7M17 17l2-2",
  audit: "M6 3h9l4 4v14H6zM9 12h7M9 16h7M9 8h3",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M4 12H2M22 12h-2M5 5l1.5 1.5M17.5 17.5 19 19M5 19l1.5-1.5M17.5 6.5 19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
} as const;

export function Icon({ of }: { readonly of: keyof typeof shapes }) {
  return (
    <svg
      width="18"
      height="18"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={shapes[of]} />
    </svg>
  );
}
