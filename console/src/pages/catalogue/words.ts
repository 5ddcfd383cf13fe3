/** What the numbers of editions mean. */
export const modes = [
  {
    value: 1,
    name: "Floating",
    text: "Tokens are shared. Whoever works has one and gives it back; with n tokens, n holders work at the same time and the next one is denied.",
    fits: "Teams in which not everybody works at once.",
  },
  {
    value: 0,
    name: "Named",
    text: "A token belongs to one holder until somebody unassigns it, whether they work or not.",
    fits: "Machines or people who need it for sure.",
  },
] as const;

export const counted = [
  {
    value: 1,
    name: "Users",
    text: "A person has one token on whatever devices they work, with as many sessions as the edition allows.",
    fits: "Web applications, and desktops with a sign-in.",
  },
  {
    value: 0,
    name: "Devices",
    text: "A machine has one token, whoever uses it.",
    fits: "Workstations, build servers, instruments.",
  },
  {
    value: 2,
    name: "Projects",
    text: "A project has one token while somebody is connected, and none while it merely computes. Mono admits one user at a time, Team any number for one token.",
    fits: "Simulations that run on while people go home.",
  },
] as const;

export const modeText = (mode: number) => modes.find(({ value }) => value === mode)?.name ?? String(mode);
export const countedText = (type: number) => counted.find(({ value }) => value === type)?.name ?? String(type);

/** When what is consumed of a limitation counts anew, by the API's numbers. */
export const resets = [
  { value: "0", label: "Nothing is consumed" },
  { value: "1", label: "Counts for ever" },
  { value: "2", label: "Counts anew every so many days" },
  { value: "3", label: "Counts anew each month" },
  { value: "4", label: "Counts anew each quarter" },
  { value: "5", label: "Counts anew each year" },
];

/** When what is consumed counts anew, in words. */
export const resetText = (mode: number, days: number | null) =>
  days === null
    ? (resets.find(({ value }) => value === String(mode))?.label ?? String(mode))
    : `Counts anew every ${days} days`;
