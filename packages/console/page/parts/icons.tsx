import type { JSX } from "preact";

/** SVG paths of the 16 × 16 icons. */
const strokes = {
  shop: "M2.5 5.5h11l-1 8h-9zM5.5 5.5V4a2.5 2.5 0 0 1 5 0v1.5",
  orders: "M3.5 2.5h9v11l-2-1.2-2.5 1.2-2.5-1.2-2 1.2zM6 6h4M6 8.8h4",
  users:
    "M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6zM1.8 13c.3-2.4 2-3.8 4.2-3.8s3.9 1.4 4.2 3.8M10.5 3.2a2.2 2.2 0 0 1 0 4M12 9.6c1.2.5 2 1.7 2.2 3.4",
  stock: "M2.5 5 8 2.2 13.5 5v6L8 13.8 2.5 11zM2.5 5 8 7.8 13.5 5M8 7.8v6",
  notifications: "M4 11.5V7a4 4 0 0 1 8 0v4.5l1 1H3zM6.5 14h3",
  calls: "M2 4.5h9M8.5 2l2.5 2.5L8.5 7M14 11.5H5M7.5 9 5 11.5 7.5 14",
  sequence: "M3 2v12M13 2v12M3 5h8M9 3l2.2 2L9 7M13 11H5M7 9l-2.2 2L7 13",
  map: "M4 5.5a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM12 8a1.8 1.8 0 1 0 0-3.6A1.8 1.8 0 0 0 12 8zM5 14.2a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM5.8 4.3l4.4 1.4M10.8 7.4l-4.5 3.8M4.2 5.5l.6 5.1",
  break: "M8.8 1.8 4 8.8h3.6l-.8 5.4 5.2-7.4H8.2z",
  explorer: "M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4",
  tour: "M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM10.6 5.4 9 9l-3.6 1.6L7 7z",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.8 13 8l-8.5 5.2z",
  theme: "M8 13.5a5.5 5.5 0 1 0 0-11zM8 13.5a5.5 5.5 0 1 1 0-11",
  link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2A2.6 2.6 0 0 0 9 3.3l-.9.9M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.9-.9",
  check: "M3 8.5 6.5 12 13 4.5",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.2",
} as const;

export type IconName = keyof typeof strokes;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path
        d={strokes[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        stroke-linejoin="round"
        stroke-linecap="round"
      />
    </svg>
  );
}
