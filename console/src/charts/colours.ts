/** The colours of charts, in both themes: use in the accent, the limit in ink, who went without in warm ones. */
import { useComputedColorScheme } from "@mantine/core";

const light = {
  ink: "#1f2328",
  text: "#525a64",
  line: "#e1e4e9",
  panel: "#ffffff",
  use: "#2b57c4",
  useArea: "rgba(43, 87, 196, 0.16)",
  mean: "#7f9fe6",
  limit: "#1f2328",
  heat: ["#f1f4fa", "#c9d8f6", "#8eabee", "#4b77de", "#1a367b"],
  denialHeat: ["#fbf3ef", "#f8d3c0", "#ef9f7b", "#d9622f", "#8f3504"],
  reasons: ["#d9480f", "#7048c4", "#0b7285", "#b08900", "#c2255c", "#5c6773"],
};

const dark: Colours = {
  ink: "#e8ebef",
  text: "#a8b0bb",
  line: "#2d333d",
  panel: "#1b1f26",
  use: "#8eabee",
  useArea: "rgba(108, 145, 232, 0.22)",
  mean: "#5b78b8",
  limit: "#f1f3f5",
  heat: ["#20262f", "#27406f", "#3a68d4", "#6c91e8", "#b7caf3"],
  denialHeat: ["#2a2421", "#5c3019", "#a5481a", "#e8773f", "#ffc9ab"],
  reasons: ["#ff8a50", "#b197fc", "#4fc3d0", "#f2c94c", "#f783ac", "#9aa5b1"],
};

export type Colours = typeof light;

export function useColours(): Colours {
  return useComputedColorScheme("light") === "dark" ? dark : light;
}
