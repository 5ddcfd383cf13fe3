/** How the console looks: one accent colour, compact, with text that can be read in both themes. */
import { Badge, type CSSVariablesResolver, createTheme, type MantineColorsTuple, Modal } from "@mantine/core";

const accent: MantineColorsTuple = [
  "#eef3fd",
  "#dce6fa",
  "#b7caf3",
  "#8eabee",
  "#6c91e8",
  "#4b77de",
  "#3a68d4",
  "#2b57c4",
  "#23479f",
  "#1a367b",
];

/** The greys of the dark theme, as cool as its panels. */
const ink: MantineColorsTuple = [
  "#dfe3e8",
  "#b8c0ca",
  "#98a1ad",
  "#6b7582",
  "#3a424e",
  "#2d333d",
  "#242a33",
  "#1b1f26",
  "#14171c",
  "#0e1115",
];

export const theme = createTheme({
  primaryColor: "accent",
  colors: { accent, dark: ink },
  primaryShade: { light: 7, dark: 7 },
  autoContrast: true,
  defaultRadius: "md",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace',
  components: {
    // Words, not shouts; and never cut off in a narrow column.
    Badge: Badge.extend({ defaultProps: { tt: "none", fw: 550, miw: "fit-content" } }),
    Modal: Modal.extend({ defaultProps: { closeButtonProps: { "aria-label": "Close" } } }),
  },
  headings: {
    fontWeight: "650",
    sizes: { h1: { fontSize: "1.375rem" }, h2: { fontSize: "1.0625rem" }, h3: { fontSize: "0.9375rem" } },
  },
});

/** Mantine's dimmed and light variants fall short of the contrast that small text needs. */
export const readable: CSSVariablesResolver = () => {
  const names = ["accent", "red", "orange", "yellow", "green", "gray"];
  const lightTexts = (shade: number) =>
    Object.fromEntries(
      names.map((name) => [`--mantine-color-${name}-light-color`, `var(--mantine-color-${name}-${shade})`]),
    );
  return {
    variables: {},
    light: {
      ...lightTexts(9),
      "--mantine-color-body": "#f7f8fa",
      "--mantine-color-dimmed": "#525a64",
      "--mantine-color-placeholder": "#646c77",
      "--mantine-color-error": "#b42318",
      "--mantine-color-yellow-light-color": "#7a4300",
      "--mantine-color-orange-light-color": "#8f3504",
      "--mantine-color-green-light-color": "#1b6530",
      "--panel": "#ffffff",
      "--line": "#e1e4e9",
    },
    dark: {
      ...lightTexts(2),
      "--mantine-color-accent-light": "rgba(108, 145, 232, 0.18)",
      "--mantine-color-red-light": "rgba(250, 82, 82, 0.16)",
      "--mantine-color-orange-light": "rgba(253, 126, 20, 0.16)",
      "--mantine-color-yellow-light": "rgba(250, 176, 5, 0.14)",
      "--mantine-color-green-light": "rgba(64, 192, 87, 0.15)",
      "--mantine-color-gray-light": "rgba(173, 181, 189, 0.14)",
      "--mantine-color-body": "#14171c",
      "--mantine-color-text": "#dfe3e8",
      "--mantine-color-dimmed": "#a8b0bb",
      "--mantine-color-placeholder": "#98a1ad",
      "--mantine-color-error": "#ff9b91",
      "--mantine-color-anchor": "#a3bdf3",
      "--panel": "#1b1f26",
      "--line": "#2d333d",
    },
  };
};
