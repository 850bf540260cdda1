/** The drawings of the icons, on a square of 24: what is stroked, as one path. */
const PATHS = {
  again: "M4 9h11a5 5 0 0 1 0 10H9M8 5 4 9l4 4",
  bin: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v5.5M13.5 10.5v5.5",
  brush: "M19.5 4.5c-3 .5-8 4.5-9.5 8l2 2c3.5-1.5 7.5-6.5 8-9.5zM9.5 13.5c-2.5 0-3 2-3 3.5s-1 2-2.5 2.5c3 1 8 .5 8-3.5",
  check: "m5 12.5 4.5 4.5L19 7.5",
  clock: "M12 7.5V12l3 2M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0",
  close: "m6 6 12 12M18 6 6 18",
  compare: "M5.5 5h13a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM12 3v18",
  copy: "M10.5 8.5H18a2 2 0 0 1 2 2V18a2 2 0 0 1-2 2h-7.5a2 2 0 0 1-2-2v-7.5a2 2 0 0 1 2-2zM15.5 8.5V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7.5a2 2 0 0 0 2 2h2.5",
  down: "m7 10 5 5 5-5",
  expand: "M14 4.5h5.5V10M10 19.5H4.5V14M19.5 4.5 14 10M4.5 19.5 10 14",
  gem: "M7 4.5h10l4 5L12 20 3 9.5zM3 9.5h18M12 20 8.5 9.5 10.5 4.5M12 20l3.5-10.5-2-5",
  globe: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M3.5 12h17M12 3.5c5 5 5 12 0 17M12 3.5c-5 5-5 12 0 17",
  group: "M5.5 7.5h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-9a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2zM7.5 4.5h11a2 2 0 0 1 2 2v9",
  image:
    "M5.5 4.5h13a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-11a2 2 0 0 1 2-2zM7.1 9.5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M4 17l5-4.5 3.5 3 3-2.5 5 4",
  info: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M12 11v5M12 8v.1",
  input: "M13 4.5H6A2 2 0 0 0 4 6.5v11a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V11M20.5 3.5 12 12m0-5v5h5",
  key: "M4 15a4 4 0 1 0 8 0 4 4 0 1 0-8 0M11 12l8-8M16 7l2.5 2.5",
  left: "m14.5 6-6 6 6 6",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  menu: "M4 7.5h16M4 12h16M4 16.5h16",
  minus: "M5 12h14",
  model: "M12 3.5 19.5 8v8L12 20.5 4.5 16V8zM4.5 8 12 12.3 19.5 8M12 12.3v8.2",
  more: "M4.5 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0M11 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0M17.5 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0",
  no: "M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 1 0-17 0M6 6l12 12",
  offline: "M4 4l16 16M7 9.5A5 5 0 0 0 6.5 19H17M10 6.5A6 6 0 0 1 18 11a4 4 0 0 1 2.8 6",
  plus: "M12 5v14M5 12h14",
  right: "m9.5 6 6 6-6 6",
  save: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14",
  search: "M4.5 11a6.5 6.5 0 1 0 13 0 6.5 6.5 0 1 0-13 0M16 16l4.5 4.5",
  shield: "M12 3.5 5 6v5.5c0 4.3 2.9 7.6 7 9 4.1-1.4 7-4.7 7-9V6zM8.8 12l2.3 2.3 4.2-4.5",
  star: "m12 3.8 2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z",
  stop: "M8.5 6.5h7a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2z",
  tune: "M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0M7 17a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
  vary: "M5 3.5h4A1.5 1.5 0 0 1 10.5 5v4A1.5 1.5 0 0 1 9 10.5H5A1.5 1.5 0 0 1 3.5 9V5A1.5 1.5 0 0 1 5 3.5zM15 3.5h4A1.5 1.5 0 0 1 20.5 5v4a1.5 1.5 0 0 1-1.5 1.5h-4A1.5 1.5 0 0 1 13.5 9V5A1.5 1.5 0 0 1 15 3.5zM5 13.5h4a1.5 1.5 0 0 1 1.5 1.5v4A1.5 1.5 0 0 1 9 20.5H5A1.5 1.5 0 0 1 3.5 19v-4A1.5 1.5 0 0 1 5 13.5zM17 13.5v7M13.5 17h7",
  warn: "M12 4.5 21 19.5H3zM12 10v4.5M12 17v.1",
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing beside words, or in a button that has a name. Screen readers do not see it. */
export function Icon({ name, small = false }: { readonly name: IconName; readonly small?: boolean }) {
  return (
    <svg class={small ? "i i-s" : "i"} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of Pictograph. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 26 26" aria-hidden="true">
      <rect class="f" x="2" y="2" width="22" height="22" rx="6" />
      <circle class="s" cx="17" cy="9.3" r="3.1" />
      <path class="h" d="M5.5 20.5c0-4.7 3-8 5.5-8 2.2 0 3.6 3.3 5.4 3.3 1.3 0 2-1 2.9-1s1.7 2 1.7 5.7z" />
    </svg>
  );
}
