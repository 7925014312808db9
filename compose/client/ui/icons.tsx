/** Line drawings on a square of 20 units. */
const drawings = {
  bold: "M6 4h5a3 3 0 0 1 0 6H6zM6 10h6a3 3 0 0 1 0 6H6z",
  italic: "M8.5 4H15M5 16h6.5M12 4 8 16",
  strike: "M3.5 10h13M13.8 6.2C13.2 4.8 11.8 4 10 4 7.8 4 6.2 5.1 6.2 7c0 1 .5 1.8 1.4 2.4M6 13.4c.5 1.6 2 2.6 4 2.6 2.3 0 4-1.1 4-3",
  code: "m7 6-4 4 4 4M13 6l4 4-4 4",
  link: "M8.5 11.5a3 3 0 0 0 4.2 0l2.9-2.9a3 3 0 0 0-4.2-4.2L10.2 5.6M11.5 8.5a3 3 0 0 0-4.2 0l-2.9 2.9a3 3 0 0 0 4.2 4.2l1.2-1.2",
  heading: "M5 4v12M15 4v12M5 10h10",
  bullets: "M8 5h9M8 10h9M8 15h9M3.5 5h.01M3.5 10h.01M3.5 15h.01",
  numbers: "M9 5h8M9 10h8M9 15h8M3 4l1.5-.8V7.5M3 12.2c.3-.8 2.4-.9 2.4.4 0 1-2.4 1.6-2.4 3.2h2.6",
  quote: "M8 6c-2.6.6-4 2.4-4 5v3h4v-4H6M16 6c-2.6.6-4 2.4-4 5v3h4v-4h-2",
  table: "M3 4h14v12H3zM3 8h14M3 12h14M8.5 8v8",
  score: "M3 5h14v10H3zM10 5v10M6 8.2l1-.7v5M13 8.4c.3-1 2-1 2 .2 0 1-2 1.7-2 3.4h2.2",
  rule: "M3 10h14",
  image: "M3 4h14v12H3zM3 14l4-4 3.5 3.5L13 11l4 4M12.7 7.6h.01",
  camera: "M3 6.5h3l1.3-2h5.4l1.3 2h3V16H3zM10 13.6a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6z",
  undo: "M7 4 3.5 7.5 7 11M3.5 7.5H12a4.2 4.2 0 0 1 0 8.5H8",
  redo: "m13 4 3.5 3.5L13 11M16.5 7.5H8A4.2 4.2 0 0 0 8 16h4",
  edit: "M4 16l.7-3.3L13.4 4a1.6 1.6 0 0 1 2.6 2.6L7.3 15.3zM11.8 5.6l2.6 2.6",
  pin: "M7.5 3h5l-.5 5 2.5 3h-9L8 8zM10 11v6",
  star: "m10 3 2.1 4.5 4.9.6-3.6 3.4.9 4.9L10 14l-4.3 2.4.9-4.9L3 8.1l4.9-.6z",
  hide: "M3 10s2.5-5 7-5 7 5 7 5-2.5 5-7 5-7-5-7-5zM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM4 16 16 4",
  show: "M3 10s2.5-5 7-5 7 5 7 5-2.5 5-7 5-7-5-7-5zM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 10.5h7.6L14.5 6M8.5 9v4.5M11.5 9v4.5",
  history: "M4 10a6 6 0 1 0 1.9-4.4L4 7.4M4 4v3.4h3.4M10 7v3.3l2.2 1.3",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  back: "M12 4 6 10l6 6",
  close: "m5 5 10 10M15 5 5 15",
  check: "m4 10.5 4 4 8-9",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.2l2.8 1.6",
  person: "M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 16.5c.5-2.8 2.8-4.2 6-4.2s5.5 1.4 6 4.2",
  search: "M9 14.5A5.5 5.5 0 1 0 9 3.5a5.5 5.5 0 0 0 0 11zM13 13l4 4",
  plus: "M10 4v12M4 10h12",
  open: "M11 4h5v5M16 4l-7 7M8 5H4v11h11v-4",
  list: "M3 5h14M3 10h14M3 15h9",
  gear: "M4 6h6M14 6h2M4 14h2M10 14h6M12 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  file: "M5 3h6.5L15 6.5V17H5zM11.5 3v3.5H15",
  help: "M7.5 7.5C7.6 6 8.6 5.2 10 5.2s2.5.9 2.5 2.2c0 1.8-2.5 2-2.5 4M10 14.6h.01",
  lock: "M5 9h10v7H5zM7 9V7a3 3 0 0 1 6 0v2",
  cloud: "M6 15a3 3 0 0 1-.3-6A4.5 4.5 0 0 1 14.4 8.6 3.2 3.2 0 0 1 14 15zM4 4l12 12",
  signout: "M8 4H4v12h4M8 10h9M13.5 6.5 17 10l-3.5 3.5",
} satisfies Record<string, string>;

export type IconName = keyof typeof drawings;

/** An icon. It says nothing to screen readers: what it stands for has a text of its own. */
export function Icon({ name, turns }: { name: IconName; turns?: boolean }) {
  return (
    <svg class={turns ? "icon icon--turns" : "icon"} viewBox="0 0 20 20" data-icon={name} aria-hidden="true" focusable="false">
      <path d={drawings[name]} />
    </svg>
  );
}
