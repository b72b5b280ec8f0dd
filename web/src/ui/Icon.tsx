const paths = {
  chart: "M4 20V11M10 20V4M16 20v-6M20 20H2",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c2.8 2.6 4 5.6 4 9s-1.2 6.4-4 9c-2.800-2.600-4-5.600-4-9s1.200-6.400 4-9z",
  check: "M5 12.500l4.500 4.500L19 7",
  chevrons: "M8 10l4-4 4 4M8 14l4 4 4-4",
  chevronLeft: "M14.500 6l-6 6 6 6",
  chevronRight: "M9.500 6l6 6-6 6",
  chevronDown: "M6 9.500l6 6 6-6",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.200 16.200L20.500 20.500",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  signOut: "M14 4H5v16h9M10 12h11M17.500 8.500L21 12l-3.500 3.500",
  download: "M12 4v11M7.500 11l4.500 4.500 4.500-4.500M4 20h16",
  bars: "M5 20v-7M12 20V5M19 20V10",
  lines: "M3 17l6-7 5 4 7-9",
  table: "M4 5h16v14H4zM4 10h16M4 14.500h16M10 10v9",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  alert: "M12 4L2.500 20h19zM12 10v4.500M12 17v.500",
  inbox: "M4 13l3-8h10l3 8v6H4zM4 13h5l1.500 2.500h3L15 13h5",
  spark: "M12 3l2.200 6.800L21 12l-6.800 2.200L12 21l-2.200-6.800L3 12l6.800-2.200z",
  people: "M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM2.500 19.500c.600-3.300 3.200-5 6.500-5s5.900 1.700 6.500 5M15.500 5.300a3.500 3.500 0 0 1 0 6.400M17.500 14.900c2.200.600 3.600 2.200 4 4.600",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c.800-3.700 3.700-5.500 7.500-5.500s6.700 1.800 7.500 5.500",
  key: "M8 11.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM11.200 12.800L20 4M16 8l3 3M13.500 10.500l2 2",
  book: "M5 4.500h11.500a2 2 0 0 1 2 2V20H7a2 2 0 0 1-2-2zM5 18a2 2 0 0 1 2-2h11.500M9 8.500h5.500",
  filter: "M4 6h16M7 12h10M10.500 18h3",
  bookmark: "M7 4h10v16l-5-4-5 4z",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.700-5.700l-1.500 1.500M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.700 5.700l1.500-1.500",
  pencil: "M4 20l1-4.500L15.500 5l3.500 3.500L8.500 19zM13.500 7l3.500 3.500",
  bin: "M4 7h16M9 7V4h6v3M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  print: "M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9v.010",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}
